//! Where the servers are, and as whom they are to be set up; the URLs that services are given.

use reqwest::Url;

use crate::exit::Failure;

/// An administrator's URL: a server, and who may set it up.
#[derive(Clone)]
pub struct Place {
    url: Url,
}

impl Place {
    /// Reads a URL that an option gives. It must name a host and a user.
    pub fn read(option: &str, text: &str, schemes: &[&str]) -> Result<Self, Failure> {
        let wanted = || {
            let scheme = schemes.first().unwrap_or(&"");
            Failure::Usage(format!(
                "provision: --{option} wants the administrator's URL, such as \
                 {scheme}://user:password@host"
            ))
        };
        let url = Url::parse(text).map_err(|_| wanted())?;
        let host = url.host_str().is_some_and(|host| !host.is_empty());
        if !schemes.contains(&url.scheme()) || !host || url.username().is_empty() {
            return Err(wanted());
        }
        Ok(Self { url })
    }

    /// The URL as it was given.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The server, for people.
    pub fn server(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The same with something else (a database, a virtual host) to work in.
    pub fn within(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }

    /// The URL for somebody else.
    pub fn login(&self, user: &str, password: &str, path: &str) -> Url {
        let mut url = self.within(path);
        // Refused where there is no host only, and there is one.
        let _ = url.set_username(user).and_then(|()| url.set_password(Some(password)));
        url
    }
}

/// A text of a URL's, with what is escaped in it read.
pub fn plain(escaped: &str) -> String {
    percent_encoding::percent_decode_str(escaped).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Place, Failure> {
        Place::read("database-url", text, &["postgres", "postgresql"])
    }

    #[test]
    fn a_service_is_given_the_administrators_server_and_a_login_of_its_own() {
        let place =
            read("postgres://root:pa%2Fss@db.example:5433/postgres?sslmode=verify-full").unwrap();
        assert_eq!(place.server(), "db.example:5433");
        assert_eq!(
            place.login("x_store", "a@b/c", "x_store").as_str(),
            "postgres://x_store:a%40b%2Fc@db.example:5433/x_store?sslmode=verify-full"
        );
        assert_eq!(place.within("other").path(), "/other");
        assert_eq!(plain(place.url().password().unwrap()), "pa/ss");
    }

    #[test]
    fn a_url_names_its_server_and_who_sets_it_up() {
        for wrong in
            ["", "localhost", "postgres://h/db", "postgres:///db", "http://u@h", "mysql://u@h"]
        {
            let failure = read(wrong).map(|_| ()).unwrap_err();
            assert!(failure.status() == 2, "{wrong}");
            assert!(failure.to_string().contains("--database-url"), "{failure}");
        }
    }
}
