//! Reads the entries of other processes in topics.

use std::sync::Arc;

use tokio::time::Instant;

use super::Inner;
use super::asking::Places;
use crate::presence::beyond::{Found, Told};
use crate::redis::AskError;

/// The entries of a topic, as they were read.
pub(super) type Read = Result<Vec<Found>, AskError>;

/// Reads these topics. Entries of processes without a lease are passed over, except those that were gone before: how
/// long the process has not lived is not known.
pub(super) async fn read(inner: &Inner, topics: &[Arc<str>]) -> Vec<Read> {
    let looked = inner.asking.look(topics).await;
    let mut results: Vec<Read> = Vec::with_capacity(topics.len());
    let mut seen: Vec<(Arc<str>, Places)> = Vec::new();
    let mut times = Vec::new();
    for (index, (topic, answer)) in topics.iter().zip(looked).enumerate() {
        match answer {
            Ok((now, mut places)) => {
                places.retain(|(process, _)| *process != inner.process);
                seen.push((topic.clone(), places));
                times.push((index, now));
                results.push(Ok(Vec::new()));
            }
            Err(error) => results.push(Err(error)),
        }
    }
    let at = Instant::now();
    let gone = inner.living.gone(&seen).await;
    let mut which = Vec::new();
    let mut whose = Vec::new();
    for ((topic, places), (index, now)) in seen.iter().zip(&times) {
        for (process, _) in places {
            which.push((topic.clone(), process.clone()));
            whose.push((*index, *now));
        }
    }
    let answers = inner.asking.read(&which).await;
    for (((_, process), (index, now)), answer) in which.into_iter().zip(whose).zip(answers) {
        let Some(result) = results.get_mut(index) else {
            continue;
        };
        let values = match answer {
            Ok(values) => values,
            Err(error) => {
                *result = Err(error);
                continue;
            }
        };
        // Without a number the process has taken all away meanwhile.
        let number = values.get("number").and_then(|number| number.parse().ok());
        let (Ok(found), Some(number)) = (result, number) else {
            continue;
        };
        let is_gone = gone.contains(&process);
        let entries = values
            .iter()
            .filter_map(|(entry, value)| Told::read(entry, value, now));
        found.push(Found {
            process,
            number,
            entries: entries
                .filter(|entry| !is_gone || entry.gone.is_some())
                .collect(),
            at,
        });
    }
    results
}
