//! Whether the page of a connection is hidden, as the page says. Pure: time is an argument.

use tokio::time::{Duration, Instant};

/// A page that was seen counts as seen for so long, whatever it says: a page that says hidden and seen again
/// and again wakes its components once in this time.
const LEAST_SEEN: Duration = Duration::from_secs(1);

/// When the page of a connection was hidden, and seen.
#[derive(Default)]
pub(super) struct Visibility {
    /// The page has said that it is hidden, and counts as hidden from then on. Cleared when the page says
    /// that it is seen.
    hidden_from: Option<Instant>,
    /// When the page was seen again the last time that it had counted as hidden.
    seen_at: Option<Instant>,
}

impl Visibility {
    /// The page says whether it is hidden. True if it had counted as hidden and is seen now, so that changes
    /// that were held back for it have to be sent.
    pub(super) fn set(&mut self, is_hidden: bool, now: Instant) -> bool {
        if is_hidden {
            let earliest = self.seen_at.map_or(now, |seen| now.max(seen + LEAST_SEEN));
            self.hidden_from.get_or_insert(earliest);
            return false;
        }
        let was_hidden = self.hidden_from.take().is_some_and(|from| from <= now);
        if was_hidden {
            self.seen_at = Some(now);
        }
        was_hidden
    }

    /// Whether the page counts as hidden. Most pages have not said so, and the clock is not read for them.
    pub(super) fn is_hidden(&self, now: impl FnOnce() -> Instant) -> bool {
        self.hidden_from.is_some_and(|from| from <= now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_hidden_until_it_is_seen() {
        let now = Instant::now();
        let mut page = Visibility::default();
        assert!(!page.is_hidden(|| now) && !page.set(false, now));
        assert!(!page.set(true, now) && page.is_hidden(|| now));
        assert!(!page.set(true, now), "said twice");
        assert!(page.set(false, now) && !page.is_hidden(|| now));
        assert!(!page.set(false, now), "said twice");
    }

    #[test]
    fn a_page_that_says_so_again_and_again_wakes_its_components_once_a_second() {
        let start = Instant::now();
        let mut page = Visibility::default();
        let mut wakes = 0;
        for at in 0..10_000 {
            let now = start + Duration::from_millis(at);
            page.set(true, now);
            wakes += usize::from(page.set(false, now));
        }
        assert_eq!(wakes, 10);
        // The last word of the page counts, a moment later.
        let end = start + Duration::from_secs(10);
        page.set(true, end);
        assert!(page.is_hidden(|| end + LEAST_SEEN));
    }
}
