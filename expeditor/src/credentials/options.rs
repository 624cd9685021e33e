//! The options of `keys` and `token`, and what stands for them in a file.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use runtime::auth::{Algorithm, Role, principal::is_subject};
use serde::Deserialize;

/// Options of `keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// The file that is written; there must be none of that name yet.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// For which kind of signature [default: hs256].
    #[arg(long, env = "EXPEDITOR_ALG")]
    pub alg: Option<Alg>,
}

/// Options of `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The file of keys; the first that can sign does.
    #[arg(long, value_name = "FILE", env = "EXPEDITOR_KEYS")]
    pub keys: Option<PathBuf>,
    /// In which role its bearer acts.
    #[arg(long, env = "EXPEDITOR_ROLE", value_parser = PossibleValuesParser::new(roles()))]
    pub role: String,
    /// Who its bearer is, for the log: 1 to 128 visible ASCII characters [default: the role].
    #[arg(long, value_name = "NAME", env = "EXPEDITOR_SUBJECT", value_parser = subject)]
    pub subject: Option<String>,
    /// How long it is good for, up to 366 days: 90s, 15m, 1h, 30d [default: 1h].
    #[arg(long, value_name = "TIME", env = "EXPEDITOR_TTL", value_parser = ttl)]
    pub ttl: Option<Duration>,
}

/// Options of `token` in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenFile {
    /// `--keys`.
    pub keys: Option<PathBuf>,
}

/// A kind of signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Alg {
    /// HMAC with SHA-256: who can check tokens can also make them.
    #[default]
    Hs256,
    /// Ed25519: services need only the public half.
    Ed25519,
}

impl From<Alg> for Algorithm {
    fn from(alg: Alg) -> Self {
        match alg {
            Alg::Hs256 => Self::Hs256,
            Alg::Ed25519 => Self::EdDsa,
        }
    }
}

fn roles() -> Vec<&'static str> {
    Role::ALL.into_iter().map(Role::as_str).collect()
}

fn subject(text: &str) -> Result<String, &'static str> {
    is_subject(text).then(|| text.to_owned()).ok_or("1 to 128 visible ASCII characters are wanted")
}

/// The longest that a token may be good for. Nothing calls a token back before its end but taking
/// its key out.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

fn ttl(text: &str) -> Result<Duration, &'static str> {
    const WANTED: &str = "a time from 1s to 366d is wanted, such as 90s, 15m, 1h or 30d";
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(WANTED),
    };
    let number: u32 = digits.parse().map_err(|_| WANTED)?;
    let time = Duration::from_secs(u64::from(number) * seconds);
    if time.is_zero() || time > LONGEST { Err(WANTED) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        for (text, seconds) in [
            ("1s", Some(1)),
            ("15m", Some(900)),
            ("1h", Some(3600)),
            ("366d", Some(366 * 86_400)),
            ("367d", None),
            ("0s", None),
            ("60", None),
            ("h", None),
            ("", None),
            ("1h30m", None),
            ("-1h", None),
            ("+1h", Some(3600)),
            ("99999999999h", None),
            ("1시", None),
        ] {
            assert_eq!(ttl(text).ok().map(|it| it.as_secs()), seconds, "{text:?}");
        }
    }
}
