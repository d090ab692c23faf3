//! Reads a config file: options for all subcommands at its top, and for one in the table of its name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use strsim::damerau_levenshtein;
use toml::{Table, Value};
use unchoke_core::text::printable;

use super::{Values, WITHOUT, exclude, is_switch, option, settable};
use crate::cli::Failure;

/// Longest config file.
const MOST_BYTES: u64 = 1 << 20;
/// Largest number of letters by which a suggested name differs, if that is at most half of the key.
const MOST_DIFFERENT: usize = 3;
/// Most bytes of an unknown key that are shown.
const MOST_SHOWN: usize = 60;

/// The content of a config file.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Values for each subcommand.
    sections: BTreeMap<String, Values>,
}

impl Content {
    /// The values for one subcommand.
    pub(super) fn of(mut self, subcommand: &str) -> Values {
        self.sections.remove(subcommand).unwrap_or_default()
    }
}

/// Reads the file; `commands` is the command line with all its options.
pub(super) fn read(path: &Path, commands: &Command) -> Result<Content, Failure> {
    let shown = path.display();
    let cannot =
        |error| Failure::bad_input(format!("cannot read the config file {shown}: {error}"));
    let mut text = String::new();
    let file = File::open(path).map_err(cannot)?;
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text);
    read.map_err(cannot)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(Failure::bad_input(format!(
            "{shown}: it is longer than {MOST_BYTES} bytes, so it is no config file"
        )));
    }
    parse(&text, commands).map_err(|why| Failure::bad_input(format!("{shown}: {why}")))
}

fn parse(text: &str, commands: &Command) -> Result<Content, String> {
    let table: Table = text.parse().map_err(|it| syntax(text, &it))?;
    let sections: Vec<&Command> = commands
        .get_subcommands()
        .filter(|it| !WITHOUT.contains(&it.get_name()))
        .collect();
    let mut content = Content::default();
    for command in &sections {
        let values = of_section(&table, command)?;
        content.sections.insert(command.get_name().into(), values);
    }
    let options: Vec<&str> = sections.iter().flat_map(|it| names(it)).collect();
    let tables: Vec<&str> = sections.iter().map(|it| it.get_name()).collect();
    for (key, value) in &table {
        let (is_option, is_table) = (options.contains(&&**key), tables.contains(&&**key));
        match (is_option, is_table) {
            (false, false) => return Err(unknown(key, "", &[options, tables].concat())),
            (true, false) if value.is_table() => {
                return Err(format!("`{key}` is an option: write `{key} = VALUE`"));
            }
            (false, true) if !value.is_table() => {
                return Err(format!(
                    "`{key}` is a subcommand: write [{key}], and its options below"
                ));
            }
            _ => {}
        }
    }
    Ok(content)
}

/// The values for one subcommand. Those in its own table win over those at the top.
fn of_section(table: &Table, command: &Command) -> Result<Values, String> {
    let name = command.get_name();
    let mut values = Values::new();
    for (key, value) in table {
        // A key may belong to another subcommand, and `seed` is an option as well as a subcommand.
        if !value.is_table()
            && let Some(option) = option(command, key)
        {
            values.insert(key.clone(), written(key, value, option)?);
        }
    }
    no_two_exclude(command, &values)?;
    let Some(own) = table.get(name).and_then(Value::as_table) else {
        return Ok(values);
    };
    let mut inner = Values::new();
    for (key, value) in own {
        let option = option(command, key).ok_or_else(|| {
            let known: Vec<&str> = names(command).collect();
            unknown(key, &format!(" in [{name}]"), &known)
        })?;
        inner.insert(key.clone(), written(key, value, option)?);
        let id = option.get_id().as_str();
        values.retain(|other, _| !exclude(command, other, id));
    }
    no_two_exclude(command, &inner)?;
    values.extend(inner);
    Ok(values)
}

fn names(command: &Command) -> impl Iterator<Item = &str> {
    settable(command).filter_map(Arg::get_long)
}

fn no_two_exclude(command: &Command, values: &Values) -> Result<(), String> {
    let set: Vec<&String> = values
        .iter()
        .filter(|(_, value)| *value != &["false"])
        .map(|it| it.0)
        .collect();
    for one in &set {
        let id = option(command, one).map(|it| it.get_id().as_str());
        let other = set
            .iter()
            .find(|it| exclude(command, it, id.unwrap_or_default()));
        if let Some(other) = other {
            let name = command.get_name();
            return Err(format!(
                "`{one}` and `{other}` exclude each other in `{name}`: keep one"
            ));
        }
    }
    Ok(())
}

/// A value as it is written on the command line.
fn written(key: &str, value: &Value, option: &Arg) -> Result<Vec<String>, String> {
    let switch = is_switch(option);
    if switch != value.is_bool() {
        let what = if switch {
            "true or false"
        } else {
            "a text or a number"
        };
        return Err(format!("`{key}` is {value}: write {what}"));
    }
    let many = matches!(option.get_action(), ArgAction::Append);
    match value {
        Value::Array(all) if many => all.iter().map(|it| scalar(key, it)).collect(),
        one => Ok(vec![scalar(key, one)?]),
    }
}

fn scalar(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(it) => Ok(it.clone()),
        Value::Integer(it) => Ok(it.to_string()),
        Value::Float(it) => Ok(it.to_string()),
        Value::Boolean(it) => Ok(it.to_string()),
        Value::Array(_) => Err(format!("`{key}` takes one value: write no list")),
        Value::Table(_) | Value::Datetime(_) => {
            Err(format!("`{key}` is {value}: write a text or a number"))
        }
    }
}

/// The sentence for an unknown key, with the name that the user may have meant.
fn unknown(key: &str, place: &str, known: &[&str]) -> String {
    let distances = known.iter().map(|it| (damerau_levenshtein(key, it), *it));
    let near = distances.min();
    let near = near.filter(|it| it.0 <= MOST_DIFFERENT && 2 * it.0 <= key.chars().count());
    // The file may come from elsewhere, and a key may be any text.
    let key = printable(key.as_bytes(), MOST_SHOWN);
    match near {
        Some((_, name)) => format!("there is no option `{key}`{place}; did you mean `{name}`?"),
        None => format!(
            "there is no option `{key}`{place}; write the options of the command line without `--`"
        ),
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |it| it.start);
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let said: Vec<&str> = error.message().lines().collect();
    format!("line {line}: {}", said.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    fn option(name: &'static str) -> Arg {
        Arg::new(name).long(name)
    }

    fn switch(name: &'static str) -> Arg {
        option(name).action(ArgAction::SetTrue)
    }

    /// A command line with options of every kind.
    fn commands() -> Command {
        let common = || {
            [
                option("upload-cap"),
                option("ratio"),
                option("port"),
                option("peer").action(ArgAction::Append),
                switch("no-dht"),
                switch("quiet").conflicts_with("json"),
                switch("json"),
            ]
        };
        let seed = [switch("recheck"), option("data").required(true)];
        Command::new("unchoke").subcommands([
            Command::new("download").args(common()).arg(switch("seed")),
            Command::new("run").args(common()),
            Command::new("seed").args(common()).args(seed),
            Command::new("show").arg(switch("hashes")),
        ])
    }

    fn values(text: &str, command: &str) -> Result<Values, String> {
        parse(text, &all(commands())).map(|it| it.of(command))
    }

    fn listed(values: &Values) -> Vec<(&str, Vec<&str>)> {
        values
            .iter()
            .map(|(key, all)| (key.as_str(), all.iter().map(String::as_str).collect()))
            .collect()
    }

    #[test]
    fn a_table_of_a_subcommand_wins_over_the_top() {
        let text = "upload-cap = \"1 MiB/s\"\nratio = 1.5\npeer = [\"a:1\", \"b:2\"]\nquiet = true\n\
            no-dht = true\n[run]\nratio = 2\njson = true\nno-dht = false\n[seed]\nrecheck = true";
        let run = values(text, "run").expect("good");
        assert_eq!(
            listed(&run),
            [
                ("json", vec!["true"]),
                ("no-dht", vec!["false"]),
                ("peer", vec!["a:1", "b:2"]),
                ("ratio", vec!["2"]),
                ("upload-cap", vec!["1 MiB/s"]),
            ]
        );
        let seed = values(text, "seed").expect("good");
        assert_eq!(seed["ratio"], ["1.5"]);
        assert_eq!(seed["recheck"], ["true"]);
        assert!(values(text, "show").expect("good").is_empty());
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, said) in [
            (
                "upload_cap = 1",
                "no option `upload_cap`; did you mean `upload-cap`?",
            ),
            (
                "[run]\nratoi = 1",
                "no option `ratoi` in [run]; did you mean `ratio`?",
            ),
            ("[runn]\nratio = 1", "no option `runn`; did you mean `run`?"),
            ("frobnicate = 1", "without `--`"),
            ("\"\\u001b[2J\" = 1", "no option `_[2J`"),
            ("config = \"x\"", "no option `config`"),
            ("[seed]\ndata = \"x\"", "no option `data` in [seed]"),
            ("run = 1", "write [run]"),
            ("[port]\na = 1", "`port` is an option: write `port = VALUE`"),
            ("no-dht = 1", "`no-dht` is 1: write true or false"),
            ("port = true", "`port` is true: write a text or a number"),
            ("port = [1]", "write no list"),
            ("port = 1979-05-27", "write a text or a number"),
            ("quiet = true\njson = true", "exclude each other"),
            ("a = 1\nport = = 2", "line 2: "),
            ("port = 1\nport = 2", "line 2: "),
        ] {
            let error = values(text, "run").expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
