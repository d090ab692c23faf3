//! `--files` and `--priority`: the user's selection of files.

use std::ops::RangeInclusive;

use clap::Args;
use unchoke_core::metainfo::{FileKind, Metainfo, Naming};
use unchoke_core::wanted::Priority;

use super::Failure;
use crate::choice::Choice;

/// Options that select files of the torrent.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Choosing {
    /// Only these files: numbers as `unchoke show` prints them (`1,3-5`), or a path, a folder, a name or
    /// a pattern (`*.flac`); may be given several times
    #[arg(long, value_name = "FILES", value_parser = Named::parse)]
    pub(super) files: Vec<Named>,
    /// Priority of files: `high=FILES`, `normal=FILES`, `low=FILES` or `skip=FILES`; may be given
    /// several times, and the last one counts
    #[arg(long = "priority", value_name = "LEVEL=FILES", value_parser = parse_priority)]
    pub(super) priorities: Vec<(Priority, Named)>,
}

impl Choosing {
    /// Whether neither option is given.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.priorities.is_empty()
    }
}

/// Files, as the user writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Numbers, counted from 1 as in `unchoke show`.
    Numbers(Vec<RangeInclusive<usize>>),
    /// A path, a folder or a name, with the wildcards `*` and `?`.
    Pattern(String),
}

impl Named {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("name files by number or path, as in `1,3-5` or `*.flac`".into());
        }
        let numeric = |c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | ' ');
        if !text.chars().all(numeric) {
            return Ok(Self::Pattern(text.into()));
        }
        let ranges = text.split(',').map(|it| range(it.trim()));
        let ranges: Option<Vec<_>> = ranges.collect();
        let wrong = || format!("`{text}` is not a list of file numbers; write for example `1,3-5`");
        ranges.map(Self::Numbers).ok_or_else(wrong)
    }

    /// Finds the files of the torrent. Fails if there are none.
    fn find(&self, metainfo: &Metainfo) -> Result<Vec<usize>, Failure> {
        let (layout, shown) = (&metainfo.layout, &metainfo.name);
        let all: Vec<usize> = metainfo.own_files().collect();
        let (count, hint) = (all.len(), "`unchoke show` lists them with their numbers");
        let found: Vec<usize> = match self {
            Self::Numbers(ranges) => {
                if let Some(beyond) = ranges.iter().find(|it| *it.end() > count) {
                    return Err(Failure::bad_input(format!(
                        "{shown}: there is no file {}, the torrent has {count}; {hint}",
                        beyond.end()
                    )));
                }
                let numbered = (1..).zip(all);
                numbered
                    .filter(|(number, _)| ranges.iter().any(|range| range.contains(number)))
                    .map(|it| it.1)
                    .collect()
            }
            Self::Pattern(pattern) => all
                .into_iter()
                .filter(|it| means(pattern, &layout.path(*it, Naming::Exact)))
                .collect(),
        };
        let real = |it: &usize| layout.files()[*it].kind == FileKind::Regular;
        let found: Vec<usize> = found.into_iter().filter(real).collect();
        if found.is_empty() {
            let what = match self {
                Self::Numbers(_) => "only padding and links have these numbers".to_owned(),
                Self::Pattern(pattern) => format!("no file of the torrent matches `{pattern}`"),
            };
            return Err(Failure::bad_input(format!("{shown}: {what}; {hint}")));
        }
        Ok(found)
    }
}

fn range(text: &str) -> Option<RangeInclusive<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (1 <= first && first <= last).then_some(first..=last)
}

/// Whether a pattern matches a path: the whole path, the path without the torrent's folder, a
/// folder above the file, or the file name.
fn means(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_end_matches('/');
    let inner = path.split_once('/').map_or(path, |it| it.1);
    let name = path.rsplit('/').next().unwrap_or(path);
    let folders = [path, inner].into_iter().flat_map(|path| {
        let ends = path.match_indices('/').map(|it| it.0);
        ends.map(move |end| &path[..end])
    });
    [path, inner, name]
        .into_iter()
        .chain(folders)
        .any(|it| is_like(pattern.as_bytes(), it.as_bytes()))
}

/// Whether `text` matches `pattern`. Each `*` first matches as few characters as possible, and more
/// if the rest does not match.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // Position after the last `*`, and the end of the text that it has matched so far.
    let mut star = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(it) if *it == b'?' || *it == text[seen] => (at, seen) = (at + 1, seen + 1),
            _ => {
                let Some((place, reach)) = star else {
                    return false;
                };
                star = Some((place, reach + 1));
                (at, seen) = (place + 1, reach + 1);
            }
        }
    }
    pattern[at..].iter().all(|it| *it == b'*')
}

/// Parses a priority and its files, as in `high=*.mkv`.
pub(super) fn parse_priority(text: &str) -> Result<(Priority, Named), String> {
    let (level, files) = text
        .split_once('=')
        .ok_or("write LEVEL=FILES, for example `high=1,2` or `skip=*.nfo`")?;
    let level = match level.trim() {
        "high" => Priority::High,
        "normal" => Priority::Normal,
        "low" => Priority::Low,
        "skip" => Priority::Skip,
        other => {
            return Err(format!(
                "`{other}` is not a level: write high, normal, low or skip"
            ));
        }
    };
    Named::parse(files).map(|files| (level, files))
}

/// The user's selection. `so` is the selection of a magnet link; it counts if the user selects
/// nothing.
pub(super) fn choose(
    options: &Choosing,
    metainfo: &Metainfo,
    so: Option<&[RangeInclusive<u32>]>,
) -> Result<Choice, Failure> {
    let layout = &metainfo.layout;
    let count = layout.files().len();
    let shown = &metainfo.name;
    let mut priorities = vec![Priority::Normal; count];
    let mut only = Vec::new();
    if options.files.is_empty()
        && let Some(so) = so
    {
        let selects = |number: usize| {
            so.iter()
                .any(|it| (*it.start() as usize..=*it.end() as usize).contains(&number))
        };
        let numbered = metainfo.own_files().enumerate();
        only.extend(numbered.filter(|it| selects(it.0)).map(|it| it.1));
        if only.is_empty() {
            return Err(Failure::bad_input(format!(
                "{shown}: the link selects (`so`) files that the torrent does not have; choose with --files"
            )));
        }
    }
    for files in &options.files {
        only.extend(files.find(metainfo)?);
    }
    let chosen = !only.is_empty();
    if chosen {
        priorities.fill(Priority::Skip);
        for file in only {
            priorities[file] = Priority::Normal;
        }
    }
    for (level, files) in &options.priorities {
        for file in files.find(metainfo)? {
            // `--priority` does not add files to those that `--files` selects.
            if !chosen || priorities[file] != Priority::Skip {
                priorities[file] = *level;
            }
        }
    }
    let regular = |it: &usize| layout.files()[*it].kind == FileKind::Regular;
    if (0..count)
        .filter(regular)
        .all(|it| priorities[it] == Priority::Skip)
    {
        return Err(Failure::bad_input(format!(
            "{shown}: every file is skipped, so there is nothing to do"
        )));
    }
    Ok(Choice::new(metainfo, &priorities))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_are_counted_from_one() {
        assert_eq!(
            Named::parse("1, 3-5"),
            Ok(Named::Numbers(vec![1..=1, 3..=5]))
        );
        for wrong in ["0", "5-3", "1,,2", "-", "1-", "99999999999999999999999"] {
            let error = Named::parse(wrong).expect_err(wrong);
            assert!(error.contains("list of file numbers"), "{error}");
        }
        assert!(Named::parse(" ").is_err());
    }

    #[test]
    fn a_pattern_means_paths_folders_and_names() {
        let path = "Album/CD 1/01 - Song.flac";
        for good in [
            "Album/CD 1/01 - Song.flac",
            "CD 1/01 - Song.flac",
            "01 - Song.flac",
            "*.flac",
            "CD 1",
            "CD 1/",
            "Album",
            "CD ?/*",
            "*Song*",
            "**.fl?c",
        ] {
            assert!(means(good, path), "{good}");
        }
        for bad in [
            "Song", "*.fla", "CD", "CD 1/01", "album", "?", "", "*.flac?",
        ] {
            assert!(!means(bad, path), "{bad}");
        }
    }

    /// A pattern of many stars must not take long: the work is at most the product of both lengths.
    #[test]
    fn a_pattern_of_stars_is_quick() {
        let (pattern, text) = ("*a".repeat(2000), "a".repeat(4000) + "b");
        assert!(!is_like(pattern.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn a_priority_has_a_level_and_files() {
        assert_eq!(
            parse_priority("high=2"),
            Ok((Priority::High, Named::Numbers(vec![2..=2])))
        );
        assert!(parse_priority("urgent=2").is_err());
        assert!(parse_priority("2").is_err());
    }
}
