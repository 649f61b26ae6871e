//! What tests of an application ask: time that they move, whether all components wait, a component's props.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use napi::Result;
use napi_derive::napi;

use super::failed;
use super::loom::NativeLoom;
use crate::held_time::HeldTime;

impl NativeLoom {
    fn held_time(&self) -> Result<Arc<HeldTime>> {
        let held = self.context()?.held_time.get();
        held.cloned()
            .ok_or_else(|| failed("the time of this loom is not held"))
    }
}

#[napi]
impl NativeLoom {
    /// From here on timers of components run by a clock that only `advance` moves. The clock shows this time
    /// of day, in milliseconds since 1970; 0 is the present time. If the time is held already, nothing
    /// changes.
    #[napi(catch_unwind)]
    pub fn hold_time(&self, unix: f64) -> Result<()> {
        let context = self.context()?;
        context
            .held_time
            .get_or_init(|| Arc::new(HeldTime::new(unix as u64)));
        Ok(())
    }

    /// The time of day that the held clock shows, in milliseconds since 1970.
    #[napi(catch_unwind)]
    pub fn held_unix(&self) -> Result<f64> {
        Ok(self.held_time()?.now().1 as f64)
    }

    /// Moves the held clock by so many milliseconds. Settles `request` when all timers that rang have been handled.
    #[napi(catch_unwind)]
    pub fn advance(&self, by: f64, request: u32) -> Result<()> {
        let held = self.held_time()?;
        let by = Duration::try_from_secs_f64(by / 1000.0).map_err(failed)?;
        self.settle_with(request, async move {
            held.advance(by).await.map(|()| None::<String>)
        })
    }

    /// Settles `request` when no component has anything to do.
    #[napi(catch_unwind)]
    pub fn settled(&self, request: u32) -> Result<()> {
        let held = self.held_time()?;
        self.settle_with(request, async move {
            held.settled().await;
            Ok::<_, Infallible>(None::<String>)
        })
    }

    /// Settles `request` with the committed props of a component, by its actor's number; with nothing if it has ended.
    #[napi(catch_unwind)]
    pub fn props_of(&self, actor: f64, request: u32) -> Result<()> {
        let held = self.held_time()?;
        let actor = actor as u64;
        self.settle_with(request, async move {
            Ok::<_, Infallible>(held.props(actor).await)
        })
    }
}
