//! Passwords, names and port numbers that nobody guesses and no two servers share.

use std::{fs::File, io::Read};

use crate::Error;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Random bytes from the system.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| Error::failed(format!("cannot read /dev/urandom: {error}")))?;
    Ok(bytes)
}

/// A word of hexadecimal digits, two for each byte: it needs no quoting anywhere.
pub(crate) fn word<const N: usize>() -> Result<String, Error> {
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[digit as usize]));
    Ok(bytes::<N>()?.into_iter().flat_map(digits).collect())
}
