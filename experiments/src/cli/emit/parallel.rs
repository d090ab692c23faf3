//! Makes a script for GNU parallel.

use super::{Job, quoted_path as quoted};

pub(super) fn script(job: &Job<'_>) -> String {
    let (task, merge) = (job.task(), job.merge());
    let here = quoted(&job.here);
    let logs = quoted(&job.logs());
    let (tasks, cores) = (job.packing.tasks, job.cores);
    let limit = job.args.limit.unwrap_or(1);
    let further = job.args.further.join(" ");
    let further = if further.is_empty() {
        further
    } else {
        format!(" {further}")
    };
    let about = job.about(
        "Run: sh THIS_FILE [OPTIONS OF PARALLEL], e.g. --sshloginfile NODES --workdir \"$PWD\" for other machines.",
    );
    format!(
        "#!/bin/sh\n{about}set -eu\n\
         cd {here}\nmkdir -p {logs}\n\
         seq {tasks} | parallel --jobs {limit} --retries 3 --joblog {logs}/parallel.log{further} \"$@\" \\\n    \
         {command} || echo \"some tasks failed: see $(pwd)/\"{logs} >&2\n\
         exec {merge}\n",
        command = super::quoted(&format!(
            "{task} --shard {{}}/{tasks} --jobs {cores} --quiet >>{logs}/{{}}.log 2>&1"
        )),
    )
}
