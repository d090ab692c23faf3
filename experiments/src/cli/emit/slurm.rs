//! Makes a Slurm job array.

use super::{Job, quoted as quoted_word, quoted_path as quoted};

/// Extra minutes for starting, and for machines slower than the one used for timing.
const SPARE_MIN: f64 = 10.0;

/// Time limit of a task in minutes, if nothing was timed.
const UNKNOWN_MIN: u32 = 24 * 60;

pub(super) fn script(job: &Job<'_>) -> String {
    let (task, merge, name) = (job.task(), job.merge(), job.name());
    let here = quoted(&job.here);
    let logs = quoted(&job.logs());
    let pattern = job.logs().display().to_string().replace('%', "%%");
    let (tasks, cores) = (job.packing.tasks, job.cores);
    let limit = job.args.limit.map_or(String::new(), |it| format!("%{it}"));
    // A line for each option, with its value if that is a word of its own.
    let mut lines: Vec<String> = Vec::new();
    for it in &job.args.further {
        match lines.last_mut() {
            Some(option) if !it.starts_with('-') => *option += &[" ", &quoted_word(it)].concat(),
            _ => lines.push(["#SBATCH ", &quoted_word(it)].concat()),
        }
    }
    let further: String = lines.iter().map(|it| [it, "\n"].concat()).collect();
    let time = time_limit(job);
    let about = job.about(
        "Submit: sh THIS_FILE. Submit it again if tasks failed: only what is missing is run.",
    );
    format!(
        "#!/bin/sh\n{about}set -eu\n\
         cd {here}\nmkdir -p {logs}\n\n\
         array=$(sbatch --parsable <<'TASK'\n\
         #!/bin/sh\n\
         #SBATCH --job-name={name}\n\
         #SBATCH --array=1-{tasks}{limit}\n\
         #SBATCH --nodes=1 --ntasks=1 --cpus-per-task={cores} --exclusive --mem=0\n\
         #SBATCH --time={time}\n\
         #SBATCH --requeue --open-mode=append\n\
         #SBATCH --output=\"{pattern}/%A_%a.log\"\n\
         {further}\
         exec {task} --shard \"$SLURM_ARRAY_TASK_ID/{tasks}\" --jobs \"$SLURM_CPUS_PER_TASK\" --quiet\n\
         TASK\n)\narray=${{array%%;*}}\n\n\
         # Whatever became of the tasks: with units missing, the merge says how many, and ends with code 3.\n\
         merge=$(sbatch --parsable --dependency=\"afterany:$array\" <<'MERGE'\n\
         #!/bin/sh\n\
         #SBATCH --job-name={name}-merge\n\
         #SBATCH --nodes=1 --ntasks=1 --cpus-per-task=1\n\
         #SBATCH --time=02:00:00\n\
         #SBATCH --requeue --open-mode=append\n\
         #SBATCH --output=\"{pattern}/merge_%j.log\"\n\
         {further}\
         exec {merge}\n\
         MERGE\n)\n\
         echo \"array $array, merge ${{merge%%;*}}; see how far: {escaped}\"\n",
        escaped = job
            .status()
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('$', "\\$"),
    )
}

/// Twice the estimate plus the extra minutes, in hours and minutes.
fn time_limit(job: &Job<'_>) -> String {
    let longest = job
        .packing
        .time
        .as_ref()
        .map(|it| 2.0 * it.longest_min + SPARE_MIN);
    let minutes = longest.map_or(UNKNOWN_MIN, |it| {
        let fives = (1..UNKNOWN_MIN).find(|five| f64::from(5 * five) >= it);
        5 * fives.unwrap_or(UNKNOWN_MIN)
    });
    format!("{:02}:{:02}:00", minutes / 60, minutes % 60)
}
