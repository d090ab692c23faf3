//! The config file: values for options, in TOML, under the names of the command line.
//!
//! A value of the file becomes the default value of its option. So the command line wins, and a
//! value is read by the same code wherever it stands.

mod file;
mod shown;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, FromArgMatches};

use super::Failure;

pub(super) use shown::{Config, show};

/// Subcommands that have nothing to set.
const WITHOUT: [&str; 4] = ["completions", "config", "help", "man"];

/// Options that choose the config file.
#[derive(Clone, Debug, Args)]
pub(super) struct Choice {
    /// Read the options that are not given from this file [default: `unchoke/config.toml` in the XDG
    /// config folder, if it exists]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Read no config file
    #[arg(long, global = true, conflicts_with = "config")]
    no_config: bool,
}

impl Choice {
    /// The file to read, if there is one.
    fn file(&self) -> Option<PathBuf> {
        if self.no_config {
            return None;
        }
        let usual = || default_file().filter(|it| it.exists());
        self.config.clone().or_else(usual)
    }
}

/// The config file of this user: `unchoke/config.toml` in the config folder of the XDG base directory
/// specification. `None` if there is no home folder.
fn default_file() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let folder = absolute("XDG_CONFIG_HOME");
    let folder = folder.or_else(|| Some(absolute("HOME")?.join(".config")));
    Some(folder?.join("unchoke").join("config.toml"))
}

/// The values of a file for one subcommand, by the name of the option.
type Values = BTreeMap<String, Vec<String>>;

/// Reads the command line and the config file. Ends the process if the user asked for help or if the
/// command line is wrong.
/// `choice` names the part of the options that chooses the file.
pub(super) fn options<P>(choice: impl Fn(&P) -> &Choice) -> Result<P, Failure>
where
    P: CommandFactory + FromArgMatches,
{
    let words: Vec<OsString> = std::env::args_os().collect();
    let given = given(P::command(), &words).unwrap_or_else(|error| error.exit());
    let name = given.subcommand_name().unwrap_or_default();
    let options = P::from_arg_matches(&given).unwrap_or_else(|error| error.exit());
    let file = choice(&options).file();
    let Some(path) = file.filter(|_| !WITHOUT.contains(&name)) else {
        return Ok(options);
    };
    let all = all(P::command());
    let mut values = file::read(&path, &all)?.of(name);
    let (own, explicit) = command_and_explicit(&all, name, &given);
    for it in explicit {
        values.retain(|key, _| !exclude(&own, key, it));
    }
    let full = all.mut_subcommand(name, |it| with_values(it, &values));
    let matches = full.try_get_matches_from(words);
    let matches = matches.map_err(|error| refused(&path, &error))?;
    P::from_arg_matches(&matches).map_err(|error| refused(&path, &error))
}

/// Parses the command line alone. An option without a value also takes `=true` and `=false`, but help
/// and messages do not show this form.
fn given(command: Command, words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let plain = command.clone().try_get_matches_from(words);
    match plain {
        Err(error) if error.kind() == ErrorKind::TooManyValues => {
            all(command).try_get_matches_from(words).map_err(|_| error)
        }
        parsed => parsed,
    }
}

/// The command line, with `=true` and `=false` for options without a value.
fn all(command: Command) -> Command {
    let switch = |it: Arg| {
        if matches!(it.get_action(), ArgAction::SetTrue) {
            it.action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_value("false")
                .default_missing_value("true")
        } else {
            it
        }
    };
    command.mut_subcommands(move |it| it.mut_args(switch))
}

/// The options of a command that a config file can set.
fn settable(command: &Command) -> impl Iterator<Item = &Arg> {
    let options = command.get_arguments().filter(|it| !it.is_required_set());
    options.filter(|it| it.get_long().is_some())
}

fn is_switch(option: &Arg) -> bool {
    option.get_num_args().is_some_and(|it| it.min_values() == 0)
}

/// The subcommand, and the names of its options that the user gave.
fn command_and_explicit<'a>(
    all: &Command,
    name: &str,
    given: &'a ArgMatches,
) -> (Command, Vec<&'a str>) {
    let own = all.find_subcommand(name).cloned().unwrap_or_default();
    let Some((_, matches)) = given.subcommand() else {
        return (own, Vec::new());
    };
    let typed = Some(clap::parser::ValueSource::CommandLine);
    let ids = matches.ids().map(clap::Id::as_str);
    let explicit = ids.filter(|it| matches.value_source(it) == typed);
    (own, explicit.collect())
}

fn option<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    settable(command).find(|it| it.get_long() == Some(name))
}

/// Whether the option `key` and the option with this id exclude each other.
fn exclude(command: &Command, key: &str, id: &str) -> bool {
    let other = command.get_arguments().find(|it| it.get_id() == id);
    let (Some(one), Some(other)) = (option(command, key), other) else {
        return false;
    };
    let says = |one: &Arg, other: &Arg| {
        let all = command.get_arg_conflicts_with(one);
        all.iter().any(|it| it.get_id() == other.get_id())
    };
    says(one, other) || says(other, one)
}

/// Makes the values the defaults of their options.
fn with_values(command: Command, values: &Values) -> Command {
    let ids: Vec<(clap::Id, &Vec<String>)> = values
        .iter()
        .filter_map(|(key, value)| Some((option(&command, key)?.get_id().clone(), value)))
        .collect();
    ids.into_iter().fold(command, |command, (id, value)| {
        // The command line is read once in a process, so its defaults may live as long.
        let value = value.iter().map(|it| &*it.clone().leak());
        let value: Vec<&'static str> = value.collect();
        command.mut_arg(id, |it| it.default_values(value))
    })
}

/// The sentence for a value that its option does not accept.
fn refused(path: &Path, error: &clap::Error) -> Failure {
    let text = error.to_string();
    let said: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|it| !it.is_empty())
        .collect();
    let said = said.join("; ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    Failure::bad_input(format!("{}: {said}", path.display()))
}
