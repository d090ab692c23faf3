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
    let said = |all: Vec<Change>| all.into_iter().map(|it| it.said).collect();
    (said(words), said(rest))
}

/// A difference between two plans.
struct Change {
    /// Dotted key.
    key: String,
    /// The key with both values.
    said: String,
}

impl Change {
    /// Whether it is in the text of the question, or in what a contrast is in words. Neither
    /// affects what is run and how it is judged. The expectation is no such text: it is registered.
    fn is_of_words(&self) -> bool {
        let last = self.key.rsplit('.').next();
        let of_contrast = self.key.starts_with("contrast.") && last == Some("what");
        self.key == "question" || of_contrast
    }
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
            tables(&at, &by_name(before), &by_name(after), found);
        }
        (before, after) => {
            let said = |it: Option<&toml::Value>| it.map_or("nothing".to_owned(), short);
            found.push(Change {
                said: format!("{at}: {} -> {}", said(before), said(after)),
                key: at,
            });
        }
    }
}

/// Longest value that is shown in full, in characters.
const MOST_CHARS: usize = 60;

fn short(value: &toml::Value) -> String {
    let text = value.to_string();
    if matches!(value, toml::Value::Table(_)) {
        return "a table".to_owned();
    }
    if text.chars().count() <= MOST_CHARS {
        return text.replace('\n', " ");
    }
    let head: String = text.chars().take(MOST_CHARS).collect();
    format!("{}...", head.replace('\n', " "))
}

fn is_named(list: &[toml::Value]) -> bool {
    let named = |it: &toml::Value| it.get("name").is_some_and(toml::Value::is_str);
    !list.is_empty() && list.iter().all(named)
}

fn by_name(list: &[toml::Value]) -> toml::Table {
    let each = list.iter().filter_map(|it| {
        let name = it.get("name")?.as_str()?;
        Some((name.to_owned(), it.clone()))
    });
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
            "s.y: a table -> nothing",
            "s.z: nothing -> a table",
        ];
        assert_eq!(changes(before, after).1, expected);
        let none = (Vec::new(), Vec::new());
        assert_eq!(changes(before, before), none);
        let (words, rest) = changes("question = \"a\"\nk = 1\n", "question = \"b\"\nk = 1\n");
        assert_eq!((words.len(), rest.len()), (1, 0));
    }
}
