//! Differences between two versions of a plan.

/// Differences between two plans, key by key, without their amendments: those of descriptions, then
/// all others.
pub(super) fn changes(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let table = |text: &str| -> toml::Table {
        let mut table: toml::Table = toml::from_str(text).unwrap_or_default();
        table.remove("amendments");
        table
    };
    let mut found = Vec::new();
    tables("", &table(before), &table(after), &mut found);
    let (words, rest): (Vec<Change>, _) = found.into_iter().partition(Change::is_of_words);
    let said = |all: Vec<Change>| all.iter().map(Change::said).collect();
    (said(words), said(rest))
}

/// Separates the two values of a change in text. [`Change::said`] leaves it out of the values.
const BECOMES: &str = " -> ";

/// Longest value of [`brief`], and how much of it stands before the first difference, in characters.
const MOST_CHARS: usize = 60;
const CHARS_BEFORE: usize = 20;

/// A change in a few words, for a message: long values are cut to where they differ. The registration has them
/// whole.
pub(super) fn brief(said: &str) -> String {
    let Some((before, after)) = said.split_once(BECOMES) else {
        return said.to_owned();
    };
    let (key, value) = before.split_once(": ").unwrap_or(("", before));
    let same = value.chars().zip(after.chars());
    let same = same.take_while(|(a, b)| a == b).count();
    let cut = |text: &str| {
        if text.chars().count() <= MOST_CHARS {
            return text.to_owned();
        }
        let start = same.saturating_sub(CHARS_BEFORE);
        let part: String = text.chars().skip(start).take(MOST_CHARS).collect();
        let dots = |cut: bool| if cut { "..." } else { "" };
        let ends = start + MOST_CHARS < text.chars().count();
        format!("{}{part}{}", dots(start > 0), dots(ends))
    };
    format!("{key}: {}{BECOMES}{}", cut(value), cut(after))
}

/// A change for a page: what stood in the plan before and what stands there now. Of texts these are the sentences that
/// are not in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Dotted key, or the whole change if it cannot be taken apart.
    pub key: String,
    /// What stood there.
    pub before: String,
    /// What stands there.
    pub after: String,
}

/// A change as `registration.json` has it, for a page.
#[must_use]
pub fn told(said: &str) -> Told {
    let split = said.split_once(BECOMES);
    let Some(((key, before), after)) =
        split.and_then(|(before, after)| Some((before.split_once(": ")?, after)))
    else {
        return Told {
            key: said.to_owned(),
            before: String::new(),
            after: String::new(),
        };
    };
    let (mut left, mut right) = (sentences(before), sentences(after));
    if left.len() + right.len() > 2 {
        let (all_left, all_right) = (left.clone(), right.clone());
        left.retain(|it| !all_right.contains(it));
        right.retain(|it| !all_left.contains(it));
    }
    let whole = left.is_empty() && right.is_empty();
    let joined = |all: Vec<&str>, text: &str| {
        let told = match all.is_empty() {
            true if whole => text.to_owned(),
            true => "nothing".to_owned(),
            false => all.join(" "),
        };
        // Earlier versions kept only the beginning of a long value.
        let cut = text.trim_end_matches(QUOTES).ends_with("...");
        told + if cut { " (the rest was not kept)" } else { "" }
    };
    Told {
        key: key.to_owned(),
        before: joined(left, before),
        after: joined(right, after),
    }
}

/// Several changes of words as one for each key, with its first and its last value. A key that has
/// its first value again is left out.
pub(super) fn in_all<'a>(said: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut all: Vec<(&str, &str, &str)> = Vec::new();
    let mut odd = Vec::new();
    for it in said {
        let parts = it.split_once(": ");
        let parts = parts.and_then(|(key, values)| Some((key, values.split_once(BECOMES)?)));
        let Some((key, (before, after))) = parts else {
            odd.push(it.clone());
            continue;
        };
        match all.iter_mut().find(|it| it.0 == key) {
            Some(known) => known.2 = after,
            None => all.push((key, before, after)),
        }
    }
    let changed = all.into_iter().filter(|it| it.1 != it.2);
    let changed = changed.map(|(key, before, after)| format!("{key}: {before}{BECOMES}{after}"));
    changed.chain(odd).collect()
}

/// Marks in which TOML puts a text.
const QUOTES: [char; 2] = ['"', '\''];

/// The sentences of a text in quotation marks; any other value is one.
fn sentences(value: &str) -> Vec<&str> {
    let text = value.trim_matches(QUOTES).trim();
    if text.len() == value.len() {
        return vec![value];
    }
    let ends = text.match_indices(' ');
    let ends = ends.filter(|(at, _)| text[..*at].ends_with(['.', '?', '!']));
    let mut all = Vec::new();
    let mut start = 0;
    for (end, _) in ends {
        all.push(&text[start..end]);
        start = end + 1;
    }
    all.push(&text[start..]);
    all
}

/// A difference between two plans.
struct Change {
    /// Dotted key. Names have no dots.
    key: String,
    /// The values; empty if there is none.
    before: String,
    after: String,
}

impl Change {
    /// Whether it is in the text of the question, or in what a contrast is in words. Neither
    /// affects what is run and how it is judged. The expectation is no such text: it is registered.
    /// Another number in the text may be another claim, so it is more than words.
    fn is_of_words(&self) -> bool {
        let parts: Vec<&str> = self.key.split('.').collect();
        let is_text = matches!(parts[..], ["question"] | ["contrast", _, "what"]);
        is_text && numbers(&self.before) == numbers(&self.after)
    }

    /// The key with both values, each on one line.
    fn said(&self) -> String {
        let value = |it: &str| match it {
            "" => "nothing".to_owned(),
            it => {
                let line = it.split_whitespace().collect::<Vec<_>>().join(" ");
                line.replace(BECOMES, " \u{2192} ")
            }
        };
        let (before, after) = (value(&self.before), value(&self.after));
        format!("{}: {before}{BECOMES}{after}", self.key)
    }
}

/// The numbers in a text, in order.
fn numbers(text: &str) -> Vec<&str> {
    let parts = text.split(|it: char| !it.is_ascii_digit());
    parts.filter(|it| !it.is_empty()).collect()
}

fn tables(at: &str, before: &toml::Table, after: &toml::Table, found: &mut Vec<Change>) {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let at = if at.is_empty() {
            key.clone()
        } else {
            format!("{at}.{key}")
        };
        values(at, before.get(key), after.get(key), found);
    }
}

fn values(
    at: String,
    before: Option<&toml::Value>,
    after: Option<&toml::Value>,
    found: &mut Vec<Change>,
) {
    use toml::Value::{Array, Table};
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Table(before)), Some(Table(after))) => tables(&at, before, after, found),
        (Some(Array(before)), Some(Array(after))) if is_named(before) && is_named(after) => {
            found.extend(reordered(&at, before, after));
            tables(&at, &by_name(before), &by_name(after), found);
        }
        (before, after) => {
            let text = |it: Option<&toml::Value>| it.map_or_else(String::new, ToString::to_string);
            found.push(Change {
                key: at,
                before: text(before),
                after: text(after),
            });
        }
    }
}

/// The change of order of what both lists name, if there is one: the first contrast is the one that
/// the answer is about.
fn reordered(at: &str, before: &[toml::Value], after: &[toml::Value]) -> Option<Change> {
    let names = |of: &[toml::Value], among: &[toml::Value]| {
        let among = by_name(among);
        let names = of.iter().filter_map(name);
        let kept: Vec<&str> = names.filter(|it| among.contains_key(*it)).collect();
        kept.join(", ")
    };
    let (before, after) = (names(before, after), names(after, before));
    (before != after).then(|| Change {
        key: format!("{at}, order"),
        before,
        after,
    })
}

fn is_named(list: &[toml::Value]) -> bool {
    !list.is_empty() && list.iter().all(|it| name(it).is_some())
}

fn name(it: &toml::Value) -> Option<&str> {
    it.get("name")?.as_str()
}

fn by_name(list: &[toml::Value]) -> toml::Table {
    let each = list.iter();
    let each = each.filter_map(|it| Some((name(it)?.to_owned(), it.clone())));
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named_by_key() {
        let before = "a = 1\n[[s]]\nname = \"x\"\nk = 1\n[[s]]\nname = \"y\"\n";
        let after =
            "a = 2\namendments = \"said\"\n[[s]]\nname = \"x\"\nk = 2\n[[s]]\nname = \"z\"\n";
        let expected = [
            "a: 1 -> 2",
            "s.x.k: 1 -> 2",
            "s.y: { name = \"y\" } -> nothing",
            "s.z: nothing -> { name = \"z\" }",
        ];
        assert_eq!(changes(before, after).1, expected);
        let none = (Vec::new(), Vec::new());
        assert_eq!(changes(before, before), none);
        let (words, rest) = changes("question = \"a\"\nk = 1\n", "question = \"b\"\nk = 1\n");
        assert_eq!((words.len(), rest.len()), (1, 0));
    }

    #[test]
    fn another_order_is_a_change() {
        let list = |names: [&str; 2]| names.map(|it| format!("[[contrast]]\nname = \"{it}\"\n"));
        let (before, after) = (list(["x", "y"]).concat(), list(["y", "x"]).concat());
        let expected = ["contrast, order: x, y -> y, x"];
        assert_eq!(changes(&before, &after).1, expected);
        // What is new or gone moves nothing.
        let more = list(["w", "x"]).concat() + "[[contrast]]\nname = \"y\"\n";
        let expected = ["contrast.w: nothing -> { name = \"w\" }"];
        assert_eq!(changes(&before, &more).1, expected);
    }

    #[test]
    fn words_are_the_text_of_a_contrast_and_no_contrast_of_that_name() {
        let plain = "[[contrast]]\nname = \"x\"\nwhat = \"a\"\n";
        let kinds = |after: &str| {
            let (words, rest) = changes(plain, after);
            (words.len(), rest.len())
        };
        assert_eq!(kinds(&plain.replace("\"a\"", "\"b\"")), (1, 0));
        let more = format!("{plain}[[contrast]]\nname = \"what\"\nbaseline = \"z\"\n");
        assert_eq!(kinds(&more), (0, 1));
    }

    #[test]
    fn another_number_is_more_than_words() {
        let question = |it: &str| format!("question = \"{it}\"\n");
        let kinds = |after: &str| {
            let (words, rest) =
                changes(&question("Does it save 40 % in 2 cases?"), &question(after));
            (words.len(), rest.len())
        };
        assert_eq!(kinds("Does it save 30 % in 2 cases?"), (0, 1));
        assert_eq!(kinds("Does it save much?"), (0, 1));
        assert_eq!(kinds("Are 40 % saved in 2 cases?"), (1, 0));
    }

    #[test]
    fn of_texts_the_sentences_that_differ_are_told() {
        let question = |it: &str| format!("question = \"\"\"\nIt is said to. {it} Where?\"\"\"\n");
        let before = question("Does it save 40 % of upload?");
        let (words, _) = changes(&before, &question("Does it not save 40 % of upload?"));
        let expected = |key: &str, before: &str, after: &str| Told {
            key: key.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let both = [
            "Does it save 40 % of upload?",
            "Does it not save 40 % of upload?",
        ];
        assert_eq!(told(&words[0]), expected("question", both[0], both[1]));
        let whole = told("question: \"One. Two.\" -> \"Two. One.\"");
        assert_eq!(
            whole,
            expected("question", "\"One. Two.\"", "\"Two. One.\"")
        );
        let longer = told("question: \"One.\" -> \"One. Two.\"");
        assert_eq!(longer, expected("question", "nothing", "Two."));
        let none = told("s.x.out_of_scope: nothing -> \"too small\"");
        assert_eq!(none, expected("s.x.out_of_scope", "nothing", "too small"));
        assert_eq!(told("a: 1 -> 2"), expected("a", "1", "2"));
        assert_eq!(told("odd"), expected("odd", "", ""));
    }

    #[test]
    fn a_text_is_told_whatever_is_in_it() {
        let question = |it: &str| format!("question = '''{it}'''\n");
        let before = question("Is \"it\" a -> b? Where?");
        let (words, _) = changes(&before, &question("Is \"it\" c? Where?"));
        let it = told(&words[0]);
        assert_eq!(
            (&*it.before, &*it.after),
            ("Is \"it\" a \u{2192} b?", "Is \"it\" c?")
        );
        let cut = told("question: \"Which settings cha...\" -> \"Which settings cha...\"");
        let rest = "Which settings cha... (the rest was not kept)";
        assert_eq!((&*cut.before, &*cut.after), (rest, rest));
    }

    #[test]
    fn what_is_as_it_was_is_no_rewording() {
        let said = [
            "question: \"a\" -> \"b\"",
            "contrast.x.what: 1 -> 2",
            "question: \"b\" -> \"a\"",
        ];
        let said = said.map(str::to_owned);
        assert_eq!(in_all(said.iter()), ["contrast.x.what: 1 -> 2"]);
        let said = ["question: 1 -> 2".to_owned(), "question: 2 -> 3".to_owned()];
        assert_eq!(in_all(said.iter()), ["question: 1 -> 3"]);
    }

    #[test]
    fn values_are_kept_whole_and_told_in_brief() {
        let text = |it: &str| format!("expectation = \"{}{it}\"\n", "word ".repeat(30));
        let whole = &changes(&text("7"), &text("8")).1[0];
        assert!(whole.contains("word 7\"") && whole.ends_with("word 8\""));
        let told = brief(whole);
        let expected = "expectation: ...word word word word 7\" -> ...word word word word 8\"";
        assert_eq!(told, expected);
        assert_eq!(brief("a: 1 -> 2"), "a: 1 -> 2");
    }
}
