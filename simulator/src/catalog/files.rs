//! Where a catalogue's files come from: the embedded ones, or a folder in the same layout. Knows
//! names and compression, not what the files say.

use std::io;
use std::path::PathBuf;

use super::error::CatalogError;
use super::table::Table;

/// Five regions' tables, as `simulator/data/ec2/README.md` tells.
const EMBEDDED: &[(&str, &[u8])] = &[
    (
        "instance_types.csv.zst",
        include_bytes!("../../data/ec2/instance_types.csv.zst"),
    ),
    (
        "zone_offerings.csv.zst",
        include_bytes!("../../data/ec2/zone_offerings.csv.zst"),
    ),
    (
        "on_demand_prices.csv.zst",
        include_bytes!("../../data/ec2/on_demand_prices.csv.zst"),
    ),
    (
        "on_demand_estimated.csv.zst",
        include_bytes!("../../data/ec2/on_demand_estimated.csv.zst"),
    ),
    (
        "spot.csv.zst",
        include_bytes!("../../data/ec2/spot.csv.zst"),
    ),
    (
        "constants.json",
        include_bytes!("../../data/ec2/constants.json"),
    ),
];

/// A set of catalogue files.
pub(super) enum Files {
    /// Those in the binary.
    Embedded,
    /// Those in a folder, each plain or with `.zst` behind its name.
    Folder(PathBuf),
}

impl Files {
    /// The file's name for messages.
    pub fn label(&self, name: &str) -> String {
        match self {
            Files::Embedded => format!("{name} (embedded)"),
            Files::Folder(folder) => folder.join(name).display().to_string(),
        }
    }

    /// A table that must be there, with columns that must be in it.
    pub fn table(
        &self,
        name: &'static str,
        columns: &[&'static str],
    ) -> Result<Table, CatalogError> {
        self.optional_table(name, columns)?.ok_or_else(|| {
            CatalogError::Missing(match self {
                Files::Embedded => PathBuf::from(name),
                Files::Folder(folder) => folder.join(name),
            })
        })
    }

    /// A table that may be absent.
    pub fn optional_table(
        &self,
        name: &'static str,
        columns: &[&'static str],
    ) -> Result<Option<Table>, CatalogError> {
        match self.text(name)? {
            Some(text) => Table::parse(self.label(name), &text, columns).map(Some),
            None => Ok(None),
        }
    }

    /// A file's text; None where there is none.
    pub fn text(&self, name: &str) -> Result<Option<String>, CatalogError> {
        let unreadable = |cause: String, remedy| CatalogError::Unreadable {
            file: self.label(name),
            cause,
            remedy,
        };
        let packed = format!("{name}.zst");
        let bytes = match self.bytes(name) {
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Ok(None) => self
                .bytes(&packed)
                .and_then(|found| found.map(|bytes| zstd::decode_all(&bytes[..])).transpose()),
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(|error| {
            unreadable(
                error.to_string(),
                "name a readable folder of CSV files with --catalog",
            )
        })?;
        bytes
            .map(String::from_utf8)
            .transpose()
            .map_err(|error| unreadable(error.to_string(), "save it as UTF-8"))
    }

    fn bytes(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match self {
            Files::Embedded => Ok(EMBEDDED
                .iter()
                .find(|(file, _)| *file == name)
                .map(|(_, bytes)| bytes.to_vec())),
            Files::Folder(folder) => match std::fs::read(folder.join(name)) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
        }
    }
}
