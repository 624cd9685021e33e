//! Routes that say who may use them. A route cannot be written without.

use std::collections::HashMap;

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodRouter, delete, get, post, put},
};

use crate::auth::Role;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody, without a token.
    Open,
    /// Who shows a token with one of these roles.
    Only(&'static [Role]),
}

impl Who {
    /// Anybody with a token, whatever the role.
    pub const ANYBODY: Self = Self::Only(&Role::ALL);
    /// Who works with what goes wrong.
    pub const OPERATOR: Self = Self::Only(&[Role::Operator]);
    /// Who looks at what goes on.
    pub const OVERSEERS: Self = Self::Only(&[Role::Operator, Role::Auditor]);
    /// Who holds the services' books against one another.
    pub const AUDIT: Self = Self::Only(&[Role::Auditor, Role::Service]);
    /// Who watches over processes.
    pub const MONITORS: Self = Self::Only(&[Role::Operator, Role::Auditor, Role::Service]);
}

/// Routes, each with who may use it: what a service gives to be served.
#[derive(Clone, Debug)]
pub struct Guarded<S = ()> {
    router: Router<S>,
    rules: Rules,
}

/// Who may use which route, by its template and method.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(HashMap<String, Vec<(Method, Who)>>);

impl<S: Clone + Send + Sync + 'static> Default for Guarded<S> {
    fn default() -> Self {
        Self { router: Router::new(), rules: Rules::default() }
    }
}

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `GET`, and with it `HEAD`.
    #[must_use]
    pub fn get<T: 'static>(self, path: &str, who: Who, handler: impl Handler<T, S>) -> Self {
        self.on(Method::GET, path, who, get(handler))
    }

    /// `PUT`.
    #[must_use]
    pub fn put<T: 'static>(self, path: &str, who: Who, handler: impl Handler<T, S>) -> Self {
        self.on(Method::PUT, path, who, put(handler))
    }

    /// `POST`.
    #[must_use]
    pub fn post<T: 'static>(self, path: &str, who: Who, handler: impl Handler<T, S>) -> Self {
        self.on(Method::POST, path, who, post(handler))
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete<T: 'static>(self, path: &str, who: Who, handler: impl Handler<T, S>) -> Self {
        self.on(Method::DELETE, path, who, delete(handler))
    }

    /// These and those. A route may stand in one of them only.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        for (path, rules) in other.rules.0 {
            self.rules.0.entry(path).or_default().extend(rules);
        }
        Self { router: self.router.merge(other.router), rules: self.rules }
    }

    /// With what their handlers are given.
    pub fn with_state(self, state: S) -> Guarded {
        Guarded { router: self.router.with_state(state), rules: self.rules }
    }

    /// Every route: its method, its template, and who may use it.
    pub fn routes(&self) -> impl Iterator<Item = (&Method, &str, Who)> {
        let rules = self.rules.0.iter();
        rules.flat_map(|(path, rules)| {
            rules.iter().map(move |(method, who)| (method, path.as_str(), *who))
        })
    }

    fn on(mut self, method: Method, path: &str, who: Who, handler: MethodRouter<S>) -> Self {
        self.rules.0.entry(path.to_owned()).or_default().push((method, who));
        Self { router: self.router.route(path, handler), rules: self.rules }
    }

    pub(super) fn into_parts(self) -> (Router<S>, Rules) {
        (self.router, self.rules)
    }
}

impl Rules {
    /// Who may use the route of that template with that method, where there is one.
    pub(super) fn of(&self, path: &str, method: &Method) -> Option<Who> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let rules = self.0.get(path)?;
        rules.iter().find(|(known, _)| known == method).map(|(_, who)| *who)
    }
}
