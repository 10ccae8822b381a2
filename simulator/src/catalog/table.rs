//! A CSV table whose columns are found by name, and whose every complaint names file, line, column,
//! value and remedy. An empty cell is an unknown value; columns that nobody asks for are passed over.

use std::collections::BTreeMap;
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord};
use sparkwright::model::money::UsdPerHour;
use sparkwright::model::quantity;

use super::error::CatalogError;

/// A table in memory.
pub(super) struct Table {
    file: String,
    columns: BTreeMap<String, usize>,
    records: Vec<StringRecord>,
}

/// One row of a table.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    record: &'a StringRecord,
}

impl Table {
    /// Reads a table that has at least these columns.
    pub fn parse(file: String, text: &str, needed: &[&'static str]) -> Result<Table, CatalogError> {
        let malformed = |error: csv::Error| CatalogError::Unreadable {
            file: file.clone(),
            cause: error.to_string(),
            remedy: "write comma-separated values with as many cells in each row as in the header",
        };
        let mut reader =
            ReaderBuilder::new().from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let header = reader.headers().map_err(malformed)?.clone();
        let columns: BTreeMap<String, usize> = header
            .iter()
            .enumerate()
            .map(|(position, name)| (name.trim().to_owned(), position))
            .collect();
        if let Some(&column) = needed.iter().find(|name| !columns.contains_key(**name)) {
            let present = header.iter().collect::<Vec<_>>().join(", ");
            return Err(CatalogError::Column {
                file,
                column,
                present,
            });
        }
        let records = reader.records().collect::<Result<_, _>>();
        let records = records.map_err(malformed)?;
        Ok(Table {
            file,
            columns,
            records,
        })
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(|record| Row {
            table: self,
            record,
        })
    }

    /// The rows of one region by type, for tables with columns `region` and `type`.
    pub fn of_region(&self, region: &str) -> Result<BTreeMap<&str, Row<'_>>, CatalogError> {
        let mut rows = BTreeMap::new();
        for row in self.rows().filter(|row| row.text("region") == region) {
            if rows.insert(row.text("type"), row).is_some() {
                return Err(row.bad("type", "keep one row for each region and type"));
            }
        }
        Ok(rows)
    }
}

impl<'a> Row<'a> {
    /// The cell's text without spaces around it; empty where unknown.
    ///
    /// # Panics
    /// If the column was not among those asked for when the table was read.
    pub fn text(&self, column: &str) -> &'a str {
        let position = self.table.columns[column];
        self.record.get(position).unwrap_or_default().trim()
    }

    /// A whole number; None where unknown.
    pub fn number<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, CatalogError> {
        self.parsed(
            column,
            |text| text.parse().ok(),
            "write a whole number of zero or more",
        )
    }

    /// A whole number of a column that a table need not have; None where unknown.
    pub fn optional<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, CatalogError> {
        match self.table.columns.contains_key(column) {
            true => self.number(column),
            false => Ok(None),
        }
    }

    /// A whole number that must be there.
    pub fn known<T: FromStr>(&self, column: &'static str) -> Result<T, CatalogError> {
        self.number(column)?
            .ok_or_else(|| self.bad(column, "write a whole number of zero or more"))
    }

    /// A decimal number in thousandths; None where unknown.
    pub fn thousandths(&self, column: &'static str) -> Result<Option<u64>, CatalogError> {
        self.parsed(
            column,
            thousandths,
            "write a decimal number of zero or more",
        )
    }

    /// A flag, 0 or 1.
    pub fn flag(&self, column: &'static str) -> Result<bool, CatalogError> {
        match self.text(column) {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(self.bad(column, "write 0 or 1")),
        }
    }

    /// A price; None where unknown.
    pub fn price(&self, column: &'static str) -> Result<Option<UsdPerHour>, CatalogError> {
        self.parsed(
            column,
            |text| UsdPerHour::parse(text).filter(|price| *price > UsdPerHour::ZERO),
            "write US dollars per hour as a plain decimal above zero, such as 1.728, \
             or leave it empty where unknown",
        )
    }

    /// A complaint about a cell.
    pub fn bad(&self, column: &'static str, remedy: &str) -> CatalogError {
        CatalogError::Cell {
            file: self.table.file.clone(),
            line: self.record.position().map_or(0, csv::Position::line),
            column,
            value: self.text(column).to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    fn parsed<T>(
        &self,
        column: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        remedy: &str,
    ) -> Result<Option<T>, CatalogError> {
        match self.text(column) {
            "" => Ok(None),
            text => parse(text)
                .map(Some)
                .ok_or_else(|| self.bad(column, remedy)),
        }
    }
}

/// A plain decimal number in thousandths; digits past the third round it up.
pub(super) fn thousandths(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain
        .then(|| quantity::cpu(text).ok())
        .flatten()
        .map(|cpu| cpu.millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_in_thousandths() {
        for (text, expected) in [
            ("0.5", Some(500)),
            ("12", Some(12_000)),
            ("1e3", None),
            ("-1", None),
            ("5k", None),
        ] {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }
}
