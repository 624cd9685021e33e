//! Who comes in: a token is asked for before anything else of a request is looked at, and what is
//! not let in is told why (RFC 6750).

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use contracts::Timestamp;

use super::guarded::{Rules, Who};
use crate::{
    Problem,
    auth::{Principal, Role, TokenError, Verifier},
};

/// What a server asks of who comes.
#[derive(Clone, Debug)]
pub enum Access {
    /// Nothing: whoever can reach the address may do everything. For loopback only.
    Open,
    /// A token, and of it a role that the route allows.
    Tokens(Verifier),
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// It shows no token.
    NoToken,
    /// It shows more than one.
    Several,
    /// Its token is not taken.
    Token(TokenError),
    /// Its role may not.
    Role(Role, &'static [Role]),
}

impl Access {
    /// Who asks, where it may; nobody where no token is needed.
    ///
    /// Whether a route exists is told only to who has a token.
    pub(super) fn admit(
        &self,
        rules: &Rules,
        request: &Request,
        now: Timestamp,
    ) -> Result<Option<Principal>, Denied> {
        let Self::Tokens(verifier) = self else { return Ok(None) };
        let path = request.extensions().get::<MatchedPath>();
        let who =
            path.and_then(|path| rules.of(path.as_str(), request.method())).map(|rule| rule.who);
        if who == Some(Who::Open) {
            return Ok(None);
        }
        let token = bearer(request.headers())?;
        let principal = verifier.verify(token, now).map_err(Denied::Token)?;
        match who {
            Some(Who::Only(roles)) if !roles.contains(&principal.role) => {
                Err(Denied::Role(principal.role, roles))
            }
            // Where there is no rule there is no route, and the router says so.
            _ => Ok(Some(principal)),
        }
    }
}

/// The token that a request shows.
fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Denied::NoToken)?;
    if values.next().is_some() {
        return Err(Denied::Several);
    }
    let value = value.to_str().map_err(|_| Denied::Token(TokenError::Malformed))?;
    // Another scheme is as good as none.
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Denied::NoToken),
    }
}

impl Denied {
    fn problem(self) -> Problem {
        match self {
            Self::NoToken => Problem::new(401, "no-token", "Show a token: Authorization: Bearer …"),
            Self::Several => {
                Problem::new(400, "invalid-header", "The header Authorization must be there once.")
            }
            Self::Token(error) => Problem::new(401, "invalid-token", sentence(&error.to_string())),
            Self::Role(role, roles) => {
                let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                let roles = roles.join(", ");
                let detail = format!("The role {role} may not do this; who may: {roles}.");
                Problem::new(403, "forbidden", detail)
            }
        }
    }

    /// What the header `WWW-Authenticate` says: which code of RFC 6750, and why.
    fn challenge(self) -> String {
        const REALM: &str = r#"Bearer realm="expeditor""#;
        let (code, why) = match self {
            Self::NoToken => return REALM.to_owned(),
            Self::Several => ("invalid_request", "more than one header Authorization".to_owned()),
            Self::Token(error) => ("invalid_token", error.to_string()),
            Self::Role(role, _) => ("insufficient_scope", format!("the role {role} may not")),
        };
        format!(r#"{REALM}, error="{code}", error_description="{why}""#)
    }
}

fn sentence(text: &str) -> String {
    let mut text = format!("{text}.");
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let mut response = self.problem().into_response();
        let challenge = HeaderValue::try_from(self.challenge());
        let challenge = challenge.expect("challenges are written here, in visible ASCII");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        response
    }
}
