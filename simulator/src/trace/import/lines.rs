//! Lines of a file that may be compressed, and tables with a header line on top of them. A line longer
//! than any row is passed over without being kept.

use std::io::{self, BufRead, Read};
use std::path::Path;

use super::{Misfit, unsuitable};
use crate::trace::codec;

/// A longer line is no row.
const MOST_BYTES: u64 = 16 << 20;

/// A file's lines, numbered from 1.
pub struct Lines {
    input: Box<dyn BufRead>,
    number: u64,
    text: Vec<u8>,
}

/// A line's number and text; a misfit where it is none.
pub type Line<'a> = (u64, Result<&'a str, Misfit>);

impl Lines {
    /// The lines of a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Lines::of(codec::open(path)?))
    }

    /// The lines of a text.
    pub fn of(input: Box<dyn BufRead>) -> Self {
        Lines {
            input,
            number: 0,
            text: Vec::new(),
        }
    }

    /// The next line that is not blank.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.text.clear();
            let input = &mut self.input;
            let length = input.take(MOST_BYTES).read_until(b'\n', &mut self.text)?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            let whole = self.text.last() == Some(&b'\n');
            if !whole && u64::try_from(length).is_ok_and(|length| length == MOST_BYTES) {
                input.skip_until(b'\n')?;
                return Ok(Some((
                    self.number,
                    Err(Misfit::row("is longer than any row")),
                )));
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        let text = std::str::from_utf8(self.text.trim_ascii());
        Ok(Some((
            self.number,
            text.map_err(|_| Misfit::row("is not UTF-8 text")),
        )))
    }
}

/// A table of comma-separated values without quotes, as both of Alibaba's traces are.
pub struct Table {
    lines: Lines,
    columns: Vec<String>,
    /// A table without header: its first line is a row.
    first: Option<String>,
}

/// A row of such a table.
pub struct Fields<'a> {
    columns: &'a [String],
    values: Vec<&'a str>,
}

/// What is done with a row: its line's number, and its fields unless it is none.
pub type Each<'a> = dyn FnMut(u64, Result<Fields<'_>, Misfit>) -> io::Result<()> + 'a;

impl Table {
    /// Opens a table. Where its first line does not name the columns, it is a row of `columns`.
    ///
    /// # Errors
    /// Where it cannot be read, or its header lacks one of the columns.
    pub fn open(mut lines: Lines, columns: &[&str]) -> io::Result<Self> {
        let Some((_, Ok(header))) = lines.next_line()? else {
            return Err(unsuitable("holds no table; name another file"));
        };
        let names: Vec<String> = header
            .trim_start_matches('\u{feff}')
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        let known = columns
            .iter()
            .filter(|column| names.iter().any(|name| name == *column));
        let known = known.count();
        if known == 0 && names.len() == columns.len() {
            let first = Some(header.to_owned());
            let columns = columns.iter().map(|&column| column.to_owned()).collect();
            return Ok(Table {
                lines,
                columns,
                first,
            });
        }
        if let Some(missing) = columns
            .iter()
            .find(|column| !names.iter().any(|name| name == *column))
        {
            let problem = format!(
                "has no column {missing}; name a table with the columns {}",
                columns.join(",")
            );
            return Err(unsuitable(problem));
        }
        Ok(Table {
            lines,
            columns: names,
            first: None,
        })
    }

    /// Hands each row to `each`, with its line's number; None for a line that is no row.
    pub fn for_each(mut self, each: &mut Each<'_>) -> io::Result<()> {
        if let Some(first) = self.first.take() {
            each(1, fields(&self.columns, &first))?;
        }
        while let Some((line, text)) = self.lines.next_line()? {
            each(line, text.and_then(|text| fields(&self.columns, text)))?;
        }
        Ok(())
    }
}

fn fields<'a>(columns: &'a [String], text: &'a str) -> Result<Fields<'a>, Misfit> {
    let values: Vec<&str> = text.split(',').map(str::trim).collect();
    if values.len() == columns.len() {
        return Ok(Fields { columns, values });
    }
    let (have, need) = (values.len(), columns.len());
    Err(Misfit::row(format!(
        "has {have} fields, and the table has {need} columns"
    )))
}

impl<'a> Fields<'a> {
    /// The text of a column; empty where there is none.
    pub fn text(&self, column: &str) -> &'a str {
        let place = self.columns.iter().position(|name| name == column);
        place.map_or("", |place| self.values[place])
    }

    /// A whole number; None where the field is empty.
    pub fn number(&self, column: &str) -> Result<Option<u64>, Misfit> {
        let text = self.text(column);
        match text {
            "" => Ok(None),
            _ => text.parse().map(Some).map_err(|_| {
                Misfit::new(column, text, "is no whole number; write one, or nothing")
            }),
        }
    }

    /// A whole number that must be there.
    pub fn needed(&self, column: &str) -> Result<u64, Misfit> {
        let missing = || Misfit::new(column, "", "is missing; write a whole number");
        self.number(column)?.ok_or_else(missing)
    }

    /// A decimal number in thousandths; None where the field is empty.
    pub fn thousandths(&self, column: &str) -> Result<Option<u64>, Misfit> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
        let all_digits = fraction.chars().all(|c| c.is_ascii_digit());
        let parsed = whole.parse::<u64>().ok().zip(digits.parse::<u64>().ok());
        parsed
            .filter(|_| all_digits)
            .and_then(|(whole, rest)| whole.checked_mul(1000)?.checked_add(rest))
            .map(Some)
            .ok_or_else(|| Misfit::new(column, text, "is no number; write one such as 12.5"))
    }
}

/// Seconds to milliseconds; refused where they are no time.
pub fn millis(column: &str, seconds: u64) -> Result<i64, Misfit> {
    let millis = i64::try_from(seconds)
        .ok()
        .and_then(|s| s.checked_mul(1000));
    millis
        .filter(|&millis| millis < 1 << 50)
        .ok_or_else(|| Misfit::new(column, &seconds.to_string(), "is no time in seconds"))
}
