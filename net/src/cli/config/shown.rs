//! `unchoke config`: the options in effect, in the form of a config file.

use std::ffi::OsStr;
use std::fmt::Write as _;

use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use toml::Value;

use super::{Choice, Values, WITHOUT, all, default_file, file, refused, settable, with_values};
use crate::cli::Failure;

/// Show the options in effect, as a config file.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Config {
    /// Only for this subcommand, for example `run`
    #[arg(value_name = "SUBCOMMAND")]
    subcommand: Option<String>,
}

/// Prints the options that have a value, with the origin of each value.
pub(in crate::cli) fn show(
    options: &Config,
    choice: &Choice,
    command: Command,
) -> Result<(), Failure> {
    let commands = all(command);
    let known = || {
        let names = commands.get_subcommands();
        names.filter(|it| !WITHOUT.contains(&it.get_name()))
    };
    let wanted = options.subcommand.as_deref();
    if let Some(name) = wanted
        && !known().any(|it| it.get_name() == name)
    {
        let names: Vec<&str> = known().map(Command::get_name).collect();
        return Err(Failure::bad_input(format!(
            "`{name}` has no options to show; there are {}",
            names.join(", ")
        )));
    }
    let path = choice.file();
    let mut text = String::new();
    let origin = match (&path, default_file()) {
        (Some(path), _) => format!("config file: {}", path.display()),
        (None, Some(usual)) => format!("no config file; it would be {}", usual.display()),
        (None, None) => "no config file, and no home folder".to_owned(),
    };
    writeln!(text, "# {origin}").expect("writing to a string cannot fail");
    for command in known().filter(|it| wanted.is_none_or(|name| name == it.get_name())) {
        let values = match &path {
            Some(path) => file::read(path, &commands)?.of(command.get_name()),
            None => Values::new(),
        };
        let free = command.clone().mut_args(|it| it.required(false));
        let full = with_values(free, &values);
        let matches = full.clone().try_get_matches_from([command.get_name()]);
        let matches = matches.map_err(|error| {
            let path = path.as_deref().unwrap_or("the defaults".as_ref());
            refused(path, &error)
        })?;
        section(&mut text, command, &matches, &values);
    }
    say!("{}", text.trim_end());
    Ok(())
}

fn section(text: &mut String, command: &Command, matches: &ArgMatches, values: &Values) {
    let mut lines = Vec::new();
    for option in settable(command) {
        let name = option.get_long().unwrap_or_default();
        let origin = if values.contains_key(name) {
            "config file"
        } else {
            "default"
        };
        let raw = matches.get_raw(option.get_id().as_str());
        let raw: Vec<&OsStr> = raw.into_iter().flatten().collect();
        if !raw.is_empty() {
            lines.push((format!("{name} = {}", value(option, &raw)), origin));
        }
    }
    let width = lines.iter().map(|it| it.0.chars().count()).max();
    let width = width.unwrap_or(0).min(60);
    let mut add = |line: &str| writeln!(text, "{line}").expect("writing to a string cannot fail");
    add(&format!("\n[{}]", command.get_name()));
    for (line, origin) in lines {
        add(&format!("{line:width$}  # {origin}"));
    }
}

/// A value in TOML.
fn value(option: &Arg, raw: &[&OsStr]) -> String {
    let one = |it: &&OsStr| {
        let text = it.to_string_lossy();
        let bare = text.parse().map(Value::Boolean);
        let bare = bare.or_else(|_| text.parse().map(Value::Integer));
        bare.unwrap_or_else(|_| Value::String(text.into_owned()))
    };
    if matches!(option.get_action(), ArgAction::Append) {
        let all: Vec<String> = raw.iter().map(|it| one(it).to_string()).collect();
        return format!("[{}]", all.join(", "));
    }
    raw.first()
        .map(|it| one(it).to_string())
        .unwrap_or_default()
}
