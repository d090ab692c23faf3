//! Reads files as they were at a revision of the repository.

use std::path::Path;
use std::process::Command;

use super::Failure;

/// The text of `path` at `revision`. Regenerating a file together with a code change cannot hide
/// what it was before.
pub(super) fn read_at(revision: &str, path: &Path) -> Result<String, Failure> {
    let commit = format!("{revision}^{{commit}}");
    let verify = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
    let commit = git(&[&verify[..], &[&commit]].concat(), path)?;
    let commit = commit.map_err(|said| {
        Failure::usage(format!(
            "{revision}: there is no such revision here{}; `git log` shows those that are, and a shallow \
             clone has few",
            because(&said)
        ))
    })?;
    // Git resolves the path relative to the folder in which it runs.
    let name = path.file_name().unwrap_or(path.as_os_str());
    let object = format!("{}:./{}", commit.trim(), name.to_string_lossy());
    git(&["show", "--end-of-options", &object], path)?.map_err(|said| {
        Failure::usage(format!(
            "{}: is not there at revision {revision}{}",
            path.display(),
            because(&said)
        ))
    })
}

/// Output of git, run in the folder of the file; or its error message.
fn git(arguments: &[&str], of: &Path) -> Result<Result<String, String>, Failure> {
    let folder = of.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::usage(format!("{folder}: there is no such folder")));
    }
    let mut command = Command::new("git");
    let output = command.current_dir(folder).args(arguments).output();
    let output = output.map_err(|it| {
        Failure::usage(format!(
            "git, which reads files of a revision, does not start: {it}"
        ))
    })?;
    Ok(if output.status.success() {
        String::from_utf8(output.stdout).map_err(|_| "it is no text".to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    })
}

fn because(said: &str) -> String {
    match said.lines().next() {
        None => String::new(),
        Some(line) => format!(" ({line})"),
    }
}
