//! Routes that say who may use them and what they do. A route cannot be written without.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodRouter, delete, get, patch, post, put},
};

use contracts::ServiceName;

use super::operation::Operation;
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

/// Routes, each with who may use it and what it does: what a service gives to be served.
#[derive(Clone, Debug)]
pub struct Guarded<S = ()> {
    router: Router<S>,
    rules: Rules,
}

/// A route, as those see it who use it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its method.
    pub method: Method,
    /// Who may use it.
    pub who: Who,
    /// What it is asked and what it answers.
    pub operation: Arc<Operation>,
    /// What it belongs to: a service, or every process.
    pub tag: &'static str,
}

/// What holds for which route, by its template and method.
#[derive(Clone, Debug, Default)]
pub struct Rules(HashMap<String, Vec<Rule>>);

/// What a route belongs to unless something else is said.
const PROCESS: &str = "process";

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
    pub fn get<T: 'static>(
        self,
        path: &str,
        who: Who,
        operation: Operation,
        handler: impl Handler<T, S>,
    ) -> Self {
        self.on(Method::GET, path, who, operation, get(handler))
    }

    /// `PUT`.
    #[must_use]
    pub fn put<T: 'static>(
        self,
        path: &str,
        who: Who,
        operation: Operation,
        handler: impl Handler<T, S>,
    ) -> Self {
        self.on(Method::PUT, path, who, operation, put(handler))
    }

    /// `POST`.
    #[must_use]
    pub fn post<T: 'static>(
        self,
        path: &str,
        who: Who,
        operation: Operation,
        handler: impl Handler<T, S>,
    ) -> Self {
        self.on(Method::POST, path, who, operation, post(handler))
    }

    /// `PATCH`.
    #[must_use]
    pub fn patch<T: 'static>(
        self,
        path: &str,
        who: Who,
        operation: Operation,
        handler: impl Handler<T, S>,
    ) -> Self {
        self.on(Method::PATCH, path, who, operation, patch(handler))
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete<T: 'static>(
        self,
        path: &str,
        who: Who,
        operation: Operation,
        handler: impl Handler<T, S>,
    ) -> Self {
        self.on(Method::DELETE, path, who, operation, delete(handler))
    }

    /// These and those. A route may stand in one of them only.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        Self { router: self.router.merge(other.router), rules: self.rules }
    }

    /// With what their handlers are given.
    pub fn with_state(self, state: S) -> Guarded {
        Guarded { router: self.router.with_state(state), rules: self.rules }
    }

    /// All of these belong to that service.
    #[must_use]
    pub fn of(mut self, service: ServiceName) -> Self {
        for rule in self.rules.0.values_mut().flatten() {
            rule.tag = service.as_str();
        }
        self
    }

    /// What holds for each route.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    fn on(
        mut self,
        method: Method,
        path: &str,
        who: Who,
        operation: Operation,
        handler: MethodRouter<S>,
    ) -> Self {
        let rule = Rule { method, who, operation: Arc::new(operation), tag: PROCESS };
        self.rules.0.entry(path.to_owned()).or_default().push(rule);
        Self { router: self.router.route(path, handler), rules: self.rules }
    }

    pub(super) fn into_parts(self) -> (Router<S>, Rules) {
        (self.router, self.rules)
    }
}

impl Rules {
    /// Every route: its template, and what holds for it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Rule)> {
        let rules = self.0.iter();
        rules.flat_map(|(path, rules)| rules.iter().map(move |rule| (path.as_str(), rule)))
    }

    /// These and those.
    pub fn extend(&mut self, other: Self) {
        for (path, rules) in other.0 {
            self.0.entry(path).or_default().extend(rules);
        }
    }

    /// What holds for the route of that template with that method, where there is one.
    pub(super) fn of(&self, path: &str, method: &Method) -> Option<&Rule> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(path)?.iter().find(|rule| rule.method == method)
    }
}
