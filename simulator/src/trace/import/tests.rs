//! Importers: hostile and broken inputs, and known traces.
