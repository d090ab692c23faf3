//! What is wrong with a JSON file, in words of its reader.

use serde_json::error::Category;

use crate::plan::in_words;

/// What is wrong, as the end of a sentence about the file: `is empty`, `ends too early, in line 3`.
#[must_use]
pub fn fault(error: &serde_json::Error) -> String {
    let line = error.line();
    match error.classify() {
        Category::Eof if (line, error.column()) == (1, 0) => "is empty".to_owned(),
        Category::Eof => format!("ends too early, in line {line}"),
        Category::Syntax => format!("is no JSON in line {line}"),
        Category::Data => {
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default();
            format!("has other content than expected: {}", in_words(said))
        }
        Category::Io => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_the_parser_is_told() {
        let of = |text: &str| {
            let read = serde_json::from_str::<std::collections::BTreeMap<String, u32>>(text);
            fault(&read.expect_err("wrong"))
        };
        assert_eq!(of(""), "is empty");
        assert_eq!(of("{\n\"a\":"), "ends too early, in line 2");
        assert_eq!(of("{\n]"), "is no JSON in line 2");
        let told = of("{ \"a\": \"b\" }");
        assert!(told.ends_with("is the text \"b\"; give a whole number that is not negative"));
    }
}
