//! Compares a sentence of the README with the table that its numbers come from.

use std::path::Path;

use super::Verdict;
use super::claims::Figure;
use crate::cli::{Failure, args};
use crate::plan::count;

pub(super) fn check(figure: &Figure, root: &Path) -> Result<Verdict, Failure> {
    let table = args::read(&root.join(&figure.file))?;
    let found = match values(figure, &table) {
        Ok(it) => it,
        Err(why) => return Ok(Verdict::Fail(format!("{}: {why}", figure.file))),
    };
    let expected = sentence(figure, &found);
    let readme = plain(&args::read(&root.join("README.md"))?);
    let said = readme.iter().any(|paragraph| {
        let rest = paragraph.split_once(&figure.after).map(|it| it.1);
        rest.is_some_and(|it| it.contains(&expected))
    });
    let rows = count(found.values.len(), "row");
    Ok(if said {
        Verdict::Pass(format!("\"{expected}\", from {rows} of {}", figure.file))
    } else {
        Verdict::Fail(format!(
            "by {rows} of {} README.md ({}) must say \"{expected}\"{}, and does not",
            figure.file,
            figure.place,
            if figure.after.is_empty() {
                String::new()
            } else {
                format!(" after \"{}\"", figure.after)
            }
        ))
    })
}

/// What a figure selects from its table.
struct Selected {
    /// One number for each selected row, not scaled yet.
    values: Vec<f64>,
    /// Number of rows in the table.
    all: usize,
}

/// The selected rows, or why there are none.
fn values(figure: &Figure, table: &str) -> Result<Selected, String> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let head = reader.headers().map_err(|it| it.to_string())?.clone();
    let position = |name: &str| {
        let found = head.iter().position(|it| it == name);
        found.ok_or_else(|| format!("has no column {name}"))
    };
    let column = position(&figure.column)?;
    let per = figure.per.as_deref().map(position).transpose()?;
    let mut wanted = Vec::new();
    for (name, value) in &figure.rows {
        wanted.push((position(name)?, value));
    }
    let (mut values, mut all) = (Vec::new(), 0);
    for row in reader.records() {
        let row = row.map_err(|it| it.to_string())?;
        all += 1;
        let field = |at: usize| row.get(at).unwrap_or_default();
        let fits = |(at, value): &(usize, &String)| match value.strip_prefix('!') {
            Some(other) => field(*at) != other,
            None => field(*at) == value.as_str(),
        };
        if wanted.iter().all(fits) && !field(column).is_empty() {
            let number = |at: usize| -> Result<f64, String> {
                let read = field(at).parse();
                read.map_err(|_| format!("{} is no number", field(at)))
            };
            let divisor = per.map_or(Ok(1.0), number)?;
            values.push(number(column)? / divisor - figure.minus);
        }
    }
    if values.is_empty() {
        return Err("no row is selected".to_owned());
    }
    Ok(Selected { values, all })
}

fn sentence(figure: &Figure, found: &Selected) -> String {
    let number = |value: f64| {
        let text = format!("{:.*}", figure.digits, value);
        // Uses a true minus sign, as the README does, and none before zero.
        match text.strip_prefix('-') {
            Some(it) if it.bytes().any(|it| (b'1'..=b'9').contains(&it)) => format!("\u{2212}{it}"),
            Some(it) => it.to_owned(),
            None => text,
        }
    };
    let scaled = || found.values.iter().map(|it| it * figure.scale);
    let least = scaled().fold(f64::INFINITY, f64::min);
    let greatest = scaled().fold(f64::NEG_INFINITY, f64::max);
    let text = figure.says.replace("{min}", &number(least));
    let text = text.replace("{max}", &number(greatest));
    let text = text.replace("{count}", &found.values.len().to_string());
    text.replace("{all}", &found.all.to_string())
}

/// Paragraphs and table rows as one line each, without emphasis marks.
fn plain(markdown: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for line in markdown.lines() {
        let own = line.trim().is_empty() || line.starts_with('|') || line.starts_with('#');
        if own {
            lines.push(String::new());
        }
        let last = lines.last_mut().expect("there is one at least");
        for word in line.split_whitespace() {
            last.push_str(&word.replace("**", ""));
            last.push(' ');
        }
        if own {
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> Figure {
        toml::from_str(
            r#"
            claim = "c"
            where = "w"
            says = "saves {min} to {max} % of bytes"
            after = "we"
            file = "t.csv"
            column = "estimate"
            rows = { quantity = "E3", scenario = "!all" }
            scale = 100
            digits = 0
            "#,
        )
        .expect("a figure")
    }

    const TABLE: &str = "scenario,quantity,estimate\na,E3,-0.123\nb,E3,0.456\nb,E1,9\nall,E3,8\n";

    fn checked(readme: &str, table: &str) -> Verdict {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("README.md"), readme).expect("written");
        std::fs::write(folder.path().join("t.csv"), table).expect("written");
        check(&figure(), folder.path()).expect("readable")
    }

    #[test]
    fn a_sentence_with_the_numbers_of_the_table_passes_across_line_ends() {
        let said = checked("Here **we\nsaves \u{2212}12 to 46 %** of\nbytes.\n", TABLE);
        assert!(matches!(said, Verdict::Pass(_)), "{}", said.why());
    }

    #[test]
    fn another_number_another_place_and_no_rows_fail() {
        let other = checked("we saves \u{2212}12 to 47 % of bytes", TABLE);
        assert!(matches!(other, Verdict::Fail(_)));
        assert!(
            other
                .why()
                .contains("must say \"saves \u{2212}12 to 46 % of bytes\"")
        );
        let before = checked("saves \u{2212}12 to 46 % of bytes, we say", TABLE);
        assert!(matches!(before, Verdict::Fail(_)));
        let none = checked("", "scenario,quantity,estimate\n");
        assert!(none.why().contains("no row is selected"), "{}", none.why());
        let column = checked("", "scenario,estimate\na,1\n");
        assert!(
            column.why().contains("has no column quantity"),
            "{}",
            column.why()
        );
    }
}
