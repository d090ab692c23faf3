//! CSV text. Fields are quoted where needed.

use serde::Serialize;

/// A CSV text under construction.
pub(crate) struct Table {
    writer: csv::Writer<Vec<u8>>,
}

impl Table {
    pub(crate) fn new<T: AsRef<str>>(columns: &[T]) -> Self {
        let mut table = Self {
            writer: csv::Writer::from_writer(Vec::new()),
        };
        table.row(columns.iter().map(|it| it.as_ref().to_owned()));
        table
    }

    pub(crate) fn row(&mut self, fields: impl IntoIterator<Item = String>) {
        let written = self
            .writer
            .write_record(fields.into_iter().collect::<Vec<_>>());
        written.expect("a row has as many fields as there are columns");
    }

    /// A table of records. The field names are the column names.
    pub(crate) fn of<T: Serialize>(records: &[T]) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for it in records {
            writer
                .serialize(it)
                .expect("writing to memory does not fail");
        }
        Self { writer }.finish()
    }

    pub(crate) fn finish(self) -> String {
        let bytes = self
            .writer
            .into_inner()
            .expect("writing to memory does not fail");
        String::from_utf8(bytes).expect("fields are text")
    }
}
