//! The search for sagas.

use std::ops::Bound::{Excluded, Unbounded};

use super::tables::Tables;
use crate::db::{SagaQuery, SagaRow};

impl Tables {
    /// The newest first.
    pub(super) fn find_sagas(&self, query: &SagaQuery) -> Vec<SagaRow> {
        let end = query.before.map_or(Unbounded, Excluded);
        let sagas = self.sagas.range((Unbounded, end)).rev().map(|(_, saga)| saga);
        sagas.filter(|saga| fits(saga, query)).take(query.limit as usize).cloned().collect()
    }
}

fn fits(saga: &SagaRow, query: &SagaQuery) -> bool {
    let same =
        |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let begins = |text: &String| {
        let saga_id = saga.saga_id.to_string();
        saga.order_id.starts_with(text) || saga_id.starts_with(&text.to_lowercase())
    };
    same(&query.status, &saga.status)
        && (query.step.is_none() || query.step == saga.waiting_on)
        && same(&query.customer_id, &saga.customer_id)
        && same(&query.store_id, &saga.store_id)
        && query.text.as_ref().is_none_or(begins)
        && query.stalled.is_none_or(|stalled| stalled == saga.stalled)
        && query.since.is_none_or(|since| saga.started_at >= since)
        && query.until.is_none_or(|until| saga.started_at < until)
}
