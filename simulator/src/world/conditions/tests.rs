//! Files of conditions, good and bad.
