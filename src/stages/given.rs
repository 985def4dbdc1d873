//! Users who are held out whole: what a model is told of them when it is asked.

use musicrec_api::Events;

/// See the module.
#[derive(Debug)]
pub(crate) struct Given {
    /// Their events with items of the fit part, whose numbering of items they have; the table of
    /// users holds only them.
    pub(crate) history: Events,
    /// The fit part and the same events under the tables of the whole log: what a weighting is fitted
    /// on has the same tables as what it weighs.
    pub(crate) wide: (Events, Events),
}

impl Given {
    /// What is told of the users of `history`, and who they are. `learned` are the events of the fit
    /// part under the tables of the whole log, which are needed where there is a history; `fit` are the same in a numbering of their own, and
    /// `items` the old index of each of its items. `None` where nothing is given.
    ///
    /// Events with items that the fit part does not hold are left out, and so are users of whom
    /// nothing else is given: for a model they have no past.
    pub(crate) fn of(
        learned: Option<Events>,
        history: &Events,
        fit: &Events,
        items: &[u32],
    ) -> (Option<Self>, Vec<u32>) {
        let Some(learned) = learned.filter(|_| !history.is_empty()) else {
            return (None, Vec::new());
        };
        let (told, left, users) = history.told_to(fit, items);
        let given = Self {
            history: told,
            wide: (learned, history.select(&left)),
        };
        (Some(given), users)
    }
}
