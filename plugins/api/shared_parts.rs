//! What fits on the same data share.

use std::any::{Any, type_name};
use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::{Error, Result};

/// Parts that fits on one [`Train`](crate::Train) share, each made once; see
/// [`FitContext::shared`](crate::FitContext::shared). The lab makes one a train and drops it with
/// the train.
///
/// Fits that share a store must not share a thread pool: a thread that waits inside of a parallel
/// loop takes up other work of its pool, and were that a fit which waits for the part that this very
/// thread is making, both would wait for ever.
#[derive(Default)]
pub struct SharedParts {
    parts: Mutex<BTreeMap<String, Part>>,
    changed: Condvar,
}

/// How often a part of a [`SharedParts`] was asked for and made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedPart {
    /// What it is.
    pub key: String,
    /// How often it was asked for.
    pub asked: usize,
    /// How often its making was begun: once, unless that failed.
    pub made: usize,
}

#[derive(Default)]
struct Part {
    asked: usize,
    made: usize,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Absent,
    BeingMade(ThreadId),
    There {
        part: Arc<dyn Any + Send + Sync>,
        of_type: &'static str,
    },
}

impl SharedParts {
    /// A store without any part.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often each part was asked for and made, in the order of their keys.
    pub fn counts(&self) -> Vec<SharedPart> {
        let parts = self.parts();
        let counts = parts.iter().map(|(key, part)| SharedPart {
            key: key.clone(),
            asked: part.asked,
            made: part.made,
        });
        counts.collect()
    }

    /// The part called `key`, made by `make` if it is not there. Nothing is locked while it is
    /// made, so a panic in `make` poisons nothing.
    pub(crate) fn get<T: Any + Send + Sync>(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        if let Some(part) = self.there_or_mine(key)? {
            return Ok(part);
        }
        // Whoever waits is told when this ends, however it ends.
        let mut making = Making {
            store: self,
            key,
            made: State::Absent,
        };
        let part = Arc::new(make()?);
        making.made = State::There {
            part: Arc::clone(&part) as _,
            of_type: type_name::<T>(),
        };
        Ok(part)
    }

    /// The part, or `None` if the caller is to make it now.
    fn there_or_mine<T: Any + Send + Sync>(&self, key: &str) -> Result<Option<Arc<T>>> {
        let me = thread::current().id();
        let mut parts = self.parts();
        parts.entry(key.to_owned()).or_default().asked += 1;
        loop {
            let part = parts.get_mut(key).expect("asked for, so it has a place");
            match &part.state {
                State::There { part, of_type } => {
                    let part = Arc::clone(part).downcast().map_err(|_| {
                        Error::model(format!(
                            "the shared part `{key}` is of type {of_type}, but is asked for as {}; \
                             a key stands for one thing: put the name of the plugin and what the \
                             part is into it",
                            type_name::<T>()
                        ))
                    });
                    return part.map(Some);
                }
                State::BeingMade(maker) if *maker == me => {
                    return Err(Error::model(format!(
                        "the shared part `{key}` is asked for by the thread that is making it: what \
                         makes a part must not ask for the same key"
                    )));
                }
                State::BeingMade(_) => {
                    parts = self
                        .changed
                        .wait(parts)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                State::Absent => {
                    part.made += 1;
                    part.state = State::BeingMade(me);
                    return Ok(None);
                }
            }
        }
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<String, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debug for SharedParts {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SharedParts").field(&self.counts()).finish()
    }
}

/// A part that is being made: gone for the next to try, unless it was made.
struct Making<'a> {
    store: &'a SharedParts,
    key: &'a str,
    made: State,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let made = std::mem::take(&mut self.made);
        if let Some(part) = self.store.parts().get_mut(self.key) {
            part.state = made;
        }
        self.store.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::SharedParts;
    use crate::{Error, FitContext};

    fn counts(parts: &SharedParts) -> Vec<(String, usize, usize)> {
        let counts = parts.counts().into_iter();
        counts.map(|p| (p.key, p.asked, p.made)).collect()
    }

    #[test]
    fn a_part_is_made_once_and_each_key_is_a_part() {
        let parts = SharedParts::new();
        let context = FitContext::new(0).with_shared(&parts);
        let first = context.shared("m/squares", || Ok(vec![1, 4, 9])).unwrap();
        let again = context
            .shared("m/squares", || Ok(Vec::<i32>::new()))
            .unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(*context.shared("m/half", || Ok(0.5)).unwrap(), 0.5);
        let expected = [("m/half".to_owned(), 1, 1), ("m/squares".to_owned(), 2, 1)];
        assert_eq!(counts(&parts), expected);
        assert_eq!(format!("{parts:?}").matches("asked: 2, made: 1").count(), 1);
    }

    #[test]
    fn without_a_store_it_is_made_each_time() {
        let context = FitContext::new(0);
        assert_eq!(*context.shared("m/x", || Ok(1)).unwrap(), 1);
        assert_eq!(*context.shared("m/x", || Ok(2)).unwrap(), 2);
    }

    #[test]
    fn who_asks_while_it_is_made_waits_for_it() {
        let parts = SharedParts::new();
        let made = AtomicUsize::new(0);
        let asks = || counts(&parts).first().map_or(0, |(_, asked, _)| *asked);
        let all: Vec<Arc<usize>> = thread::scope(|scope| {
            let fits: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let context = FitContext::new(0).with_shared(&parts);
                        let part = context.shared("m/slow", || {
                            // Not before all have asked.
                            while asks() < 4 {
                                thread::yield_now();
                            }
                            Ok(made.fetch_add(1, Ordering::SeqCst))
                        });
                        part.unwrap()
                    })
                })
                .collect();
            fits.into_iter().map(|fit| fit.join().unwrap()).collect()
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert!(all.iter().all(|part| Arc::ptr_eq(part, &all[0])));
        assert_eq!(counts(&parts), [("m/slow".to_owned(), 4, 1)]);
    }

    /// One who waits tries next, and so does who comes later.
    #[test]
    fn an_error_or_a_panic_of_a_maker_is_its_own() {
        for fails in [
            (|| Err(Error::model("no"))) as fn() -> crate::Result<i32>,
            || panic!("no"),
        ] {
            let parts = SharedParts::new();
            let asks = || counts(&parts).first().map_or(0, |(_, asked, _)| *asked);
            thread::scope(|scope| {
                let failing = scope.spawn(|| {
                    let made = catch_unwind(AssertUnwindSafe(|| {
                        parts.get("m/x", || {
                            while asks() < 2 {
                                thread::yield_now();
                            }
                            fails()
                        })
                    }));
                    assert!(!matches!(made, Ok(Ok(_))));
                });
                while asks() < 1 {
                    thread::yield_now();
                }
                assert_eq!(*parts.get("m/x", || Ok(7)).unwrap(), 7);
                failing.join().unwrap();
            });
            assert_eq!(*parts.get("m/x", || Ok(8)).unwrap(), 7);
            assert_eq!(counts(&parts), [("m/x".to_owned(), 3, 2)]);
        }
    }

    #[test]
    fn another_type_is_an_error_that_says_so() {
        let parts = SharedParts::new();
        parts.get("m/x", || Ok(1_u8)).unwrap();
        let error = parts.get("m/x", || Ok("one")).unwrap_err().to_string();
        assert!(
            error.contains("`m/x` is of type u8, but is asked for as &str"),
            "{error}"
        );
        assert_eq!(*parts.get("m/x", || Ok(2_u8)).unwrap(), 1);
    }

    #[test]
    fn a_maker_may_ask_for_other_parts_but_not_for_its_own() {
        let parts = SharedParts::new();
        let outer = parts.get("m/outer", || Ok(1 + *parts.get("m/inner", || Ok(1))?));
        assert_eq!(*outer.unwrap(), 2);
        let itself = parts.get("m/itself", || parts.get("m/itself", || Ok(1)));
        let error = itself.unwrap_err().to_string();
        assert!(error.contains("must not ask for the same key"), "{error}");
        assert_eq!(*parts.get("m/itself", || Ok(3)).unwrap(), 3);
    }
}
