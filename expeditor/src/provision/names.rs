//! What everything is called on the servers.

use contracts::ServiceName;

/// The longest prefix: with what follows it, PostgreSQL takes the names whole.
const LONGEST: usize = 32;

/// Names that begin with one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(String);

impl Names {
    /// With a prefix of small letters, digits and underscores, which needs no quoting anywhere.
    pub fn new(prefix: &str) -> Result<Self, String> {
        let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_';
        let begins = prefix.bytes().next().is_some_and(|it| it.is_ascii_lowercase());
        if !begins || prefix.len() > LONGEST || !prefix.bytes().all(plain) {
            return Err(format!(
                "a prefix is a small letter, then small letters, digits and underscores, \
                 {LONGEST} at most"
            ));
        }
        // PostgreSQL keeps such names of roles for itself.
        if prefix == "pg" || prefix.starts_with("pg_") {
            return Err("PostgreSQL keeps names that begin with pg_ for itself".to_owned());
        }
        Ok(Self(prefix.to_owned()))
    }

    /// The prefix itself.
    pub fn prefix(&self) -> &str {
        &self.0
    }

    /// A service's database; the role that owns it and the broker's user of the service have the
    /// same name.
    pub fn service(&self, service: ServiceName) -> String {
        format!("{}_{service}", self.0)
    }

    /// The role of relays in a service's database.
    pub fn relay(&self, service: ServiceName) -> String {
        format!("{}_{service}_relay", self.0)
    }

    /// The role that reads all databases.
    pub fn auditor(&self) -> String {
        format!("{}_auditor", self.0)
    }

    /// The broker's virtual host.
    pub fn vhost(&self) -> &str {
        &self.0
    }

    /// What is noted on each role, so that it is known again.
    pub fn mark(&self) -> String {
        format!("made by expeditor provision, prefix {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_needs_no_quoting_and_leaves_names_whole() {
        for (prefix, good) in [
            ("expeditor", true),
            ("e2_x", true),
            ("", false),
            ("_a", false),
            ("2a", false),
            ("A", false),
            ("a-b", false),
            ("a\"", false),
            ("pg", false),
            ("pg_a", false),
            ("pga", true),
        ] {
            assert_eq!(Names::new(prefix).is_ok(), good, "{prefix:?}");
        }
        let longest = "a".repeat(LONGEST);
        let names = Names::new(&longest).unwrap();
        assert!(names.relay(ServiceName::Orchestrator).len() < 64);
        assert!(Names::new(&format!("{longest}a")).is_err());
    }

    #[test]
    fn no_two_things_have_the_same_name() {
        let names = Names::new("x").unwrap();
        let mut all = vec![names.auditor()];
        for service in ServiceName::ALL {
            all.extend([names.service(service), names.relay(service)]);
        }
        let number = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), number);
    }
}
