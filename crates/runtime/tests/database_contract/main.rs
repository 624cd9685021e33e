//! The contract of the database port: what every implementation keeps, one function a property.
//!
//! A property takes a [`Store`] and nothing else, so that a new implementation joins by one
//! `contract!` line. What only one implementation can do is tested in a module of its own.

mod fixture;
mod inbox;
mod lists;
mod memory;
mod outbox;
mod pinned;
mod postgres;
mod records;
mod relays;
mod server;
mod sqlite;
mod transactions;
mod versions;

/// Runs every property against a kind of [`Store`](fixture::Store), made new for each.
macro_rules! contract {
    ($name:ident, $new:expr; $($group:ident :: { $($property:ident),* $(,)? }),* $(,)?) => {
        mod $name {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
                async fn $property() {
                    let store = $new;
                    crate::$group::$property(&store).await;
                }
            )*)*
        }
    };
    ($name:ident, $new:expr) => {
        contract!($name, $new;
            transactions::{
                a_commit_is_all_of_it,
                a_refused_commit_is_none_of_it,
                a_dropped_transaction_leaves_nothing,
                transactions_on_the_same_key_take_turns,
                what_is_not_committed_is_not_read,
                an_aggregate_is_stored_whole,
                a_text_is_kept_or_refused_but_never_cut,
                a_key_that_was_locked_in_vain_stays_free,
                more_is_loaded_within_a_transaction,
                what_was_committed_outlives_a_crash,
            },
            inbox::{
                a_message_is_claimed_once_by_each_consumer,
                old_messages_are_forgotten,
                all_that_was_received_and_made_of_it_is_forgotten_at_once,
                dead_letters_are_kept_byte_for_byte,
            },
            outbox::{
                rows_come_in_the_order_in_which_they_were_written,
                an_id_is_never_used_again,
                deleted_rows_are_gone_at_once_and_for_good,
                the_oldest_row_of_a_bucket_is_known,
                a_commit_with_messages_wakes_the_relay,
                published_events_stay_in_order,
                published_events_are_found_by_their_subject,
            },
            lists::{
                a_list_is_paged_in_both_directions,
                a_list_holds_what_was_asked_for,
                timers_come_when_they_are_due,
            },
            records::{
                a_history_is_read_in_order,
                a_saga_row_is_replaced,
                sagas_are_found_by_every_filter,
            },
        );
    };
}

contract!(on_sqlite, crate::sqlite::Files::new());
contract!(on_postgres, crate::postgres::Place::new().await);
contract!(on_memory, runtime::db::memory::Storage::new());

contract!(watched_on_postgres, crate::postgres::Place::new().await;
    versions::{how_what_is_watched_stands_is_told_of_all_at_once});
contract!(watched_on_memory, runtime::db::memory::Storage::new();
    versions::{how_what_is_watched_stands_is_told_of_all_at_once});
