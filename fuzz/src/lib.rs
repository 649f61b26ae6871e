//! What all targets have in common, a bound on memory, and what needs a whole HTML parser.

mod elements;

pub use elements::elements;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts what is in use, and how much it was at most.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(used, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Memory that any input may cost, and how often its own length beyond that.
const FREE: usize = 512 * 1024;
const TIMES: usize = 512;

/// Tries the property, and that it takes no more memory than the input's length explains.
pub fn bounded(input: &[u8], property: fn(&[u8])) {
    let before = USED.load(Relaxed);
    PEAK.store(before, Relaxed);
    property(input);
    let peak = PEAK.load(Relaxed).saturating_sub(before);
    let bound = FREE + TIMES * input.len();
    assert!(
        peak <= bound,
        "{peak} bytes in use for an input of {}",
        input.len()
    );
}
