//! Makes a program for the Python interface of `HyperQueue`, which is part of every installation.

use super::Job;

pub(super) fn script(job: &Job<'_>) -> String {
    let (tasks, cores) = (job.packing.tasks, job.cores);
    let about = job.about(
        "Run: python3 THIS_FILE, where a server of HyperQueue runs with workers; or python3 THIS_FILE --local,\n\
         # which starts both here. They listen on all addresses: use a network namespace where that matters.",
    );
    let [here, logs] = [&job.here, &job.logs()].map(|it| text(&it.to_string_lossy()));
    let task = text(&format!(
        "exec {} --shard \"$SHARE/{tasks}\" --jobs {cores} --quiet",
        job.task()
    ));
    let merge = text(&format!("exec {}", job.merge()));
    format!(
        "#!/usr/bin/env python3\n{about}\
         import os\nimport subprocess\nimport sys\n\n\
         from hyperqueue import Client, Job, LocalCluster\n\
         from hyperqueue.cluster import WorkerConfig\n\
         from hyperqueue.ffi.protocol import ResourceRequest\n\n\
         os.chdir({here})\n\
         logs = os.path.abspath({logs})\n\
         os.makedirs(logs, exist_ok=True)\n\
         cluster = LocalCluster() if \"--local\" in sys.argv else None\n\
         if cluster:\n    \
             cluster.start_worker(WorkerConfig(cores={cores}))\n\
         client = cluster.client() if cluster else Client()\n\
         # A task that fails stops no other; one whose worker is lost starts again elsewhere.\n\
         job = Job(default_workdir=os.getcwd(), max_fails=None, name={name})\n\
         for share in range(1, {tasks} + 1):\n    \
             job.program(\n        \
                 [\"sh\", \"-c\", {task}],\n        \
                 env={{\"SHARE\": str(share)}},\n        \
                 stdout=os.path.join(logs, f\"{{share}}.log\"),\n        \
                 stderr=os.path.join(logs, f\"{{share}}.err\"),\n        \
                 resources=ResourceRequest(cpus={cores}),\n        \
                 crash_limit=100,\n    \
             )\n\
         whole = client.wait_for_jobs([client.submit(job)], raise_on_error=False)\n\
         if not whole:\n    \
             print(f\"some tasks failed: see {{logs}}\", file=sys.stderr)\n\
         merged = subprocess.run([\"sh\", \"-c\", {merge}]).returncode\n\
         if cluster:\n    \
             cluster.stop()\n\
         sys.exit(merged)\n",
        name = text(job.name()),
    )
}

/// A text as a Python literal: JSON strings are valid Python strings.
fn text(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}
