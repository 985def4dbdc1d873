//! Cleaners that break a promise each.

use std::collections::BTreeSet;

use musicrec_api::{Cells, InParts, Kind, Ledger, Log, Reach, Result, Roles, Text};

use crate::{breaks, breaks_nothing};

/// Which rows hold a value that no row before them had.
fn first_of_each(log: &Log, column: &str) -> Result<Vec<bool>> {
    let cells = log.column(column)?;
    let mut known = BTreeSet::new();
    Ok((0..log.rows())
        .map(|row| known.insert(cells.show(row).into_owned()))
        .collect())
}

fn drop(part: &mut Log, ledger: &mut Ledger, keep: &[bool]) {
    let dropped = keep.iter().filter(|&&keep| !keep).count();
    ledger.dropped("song_id", "heard before", dropped as u64, None);
    part.retain(keep);
}

macro_rules! cleaner {
    ($module:ident $name:literal, $example:literal, $reach:ident, $clean:expr) => {
        plugin!(Cleaner $module $name, $example, {
            fn reach(&self) -> Reach {
                Reach::$reach
            }
            fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
                let clean: fn(&mut Log, &mut Ledger) -> Result<()> = $clean;
                clean(part, ledger)
            }
        });
    };
}

cleaner!(first_ones "first_ones", "cleaners = [\"first_ones\"]", Log, |part, ledger| {
    let keep = first_of_each(part, "song_id")?;
    drop(part, ledger, &keep);
    Ok(())
});
cleaner!(short_sighted "short_sighted", "cleaners = [\"short_sighted\"]", Row, |part, ledger| {
    let keep = first_of_each(part, "song_id")?;
    drop(part, ledger, &keep);
    Ok(())
});
cleaner!(not_by_user "not_by_user", "cleaners = [\"not_by_user\"]", User, |part, ledger| {
    let keep = first_of_each(part, "song_id")?;
    drop(part, ledger, &keep);
    Ok(())
});
cleaner!(keeps_no_books "keeps_no_books", "cleaners = [\"keeps_no_books\"]", Log, |part, _| {
    let keep = first_of_each(part, "song_id")?;
    part.retain(&keep);
    Ok(())
});
cleaner!(invents_a_row "invents_a_row", "cleaners = [\"invents_a_row\"]", Log, |part, _| {
    if part.rows() > 1 {
        let numbers: Vec<u64> = (0..part.rows() as u64).map(|n| n + 1_000_000).collect();
        *part = Log::new(part.columns().into_iter().cloned().collect(), numbers, part.roles().clone());
    }
    Ok(())
});
cleaner!(wants_rows "wants_rows", "cleaners = [\"wants_rows\"]", Log, |part, _| {
    assert!(part.rows() > 0, "there must be rows");
    Ok(())
});
cleaner!(wants_cells "wants_cells", "cleaners = [\"wants_cells\"]", Log, |part, _| {
    if let Cells::Text(text) = part.column("country")? && part.rows() > 0 {
        let _ = (0..part.rows()).find_map(|row| text.get(row)).expect("a country");
    }
    Ok(())
});
cleaner!(loses_cells "loses_cells", "cleaners = [\"loses_cells\"]", Log, |part, _| {
    if part.rows() > 1 {
        *part.column_mut("country")? = Cells::Number(vec![1.0]);
    }
    Ok(())
});
cleaner!(never_done "never_done", "cleaners = [\"never_done\"]", Row, |part, _| {
    let cells = part.column("country")?;
    let longer: Text = (0..part.rows()).map(|row| Some(format!("{}!", cells.show(row)))).collect();
    *part.column_mut("country")? = Cells::Text(longer);
    Ok(())
});

// Says that it can look at parts, and forgets what it has seen of the others.
plugin!(Cleaner forgetful "forgetful", "cleaners = [\"forgetful\"]", {
    fn reach(&self) -> Reach {
        Reach::Log
    }
    fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
        let keep = first_of_each(part, "song_id")?;
        drop(part, ledger, &keep);
        Ok(())
    }
    fn in_parts(&self, _: &Roles) -> Option<Box<dyn InParts + '_>> {
        struct Forgetful;
        impl InParts for Forgetful {
            fn again(&mut self) -> Result<bool> {
                Ok(false)
            }
            fn look(&mut self, _: &Log) -> Result<()> {
                Ok(())
            }
            fn clean(&self, part: &mut Log, ledger: &mut Ledger) -> Result<()> {
                let keep = first_of_each(part, "song_id")?;
                drop(part, ledger, &keep);
                Ok(())
            }
        }
        Some(Box::new(Forgetful))
    }
});

#[test]
fn what_cleaners_break_is_found() {
    breaks_nothing(Kind::Cleaner, "first_ones");
    breaks_nothing(Kind::Cleaner, "never_done");
    breaks(Kind::Cleaner, "short_sighted", "parts");
    breaks(Kind::Cleaner, "not_by_user", "parts");
    breaks(Kind::Cleaner, "forgetful", "in 3 parts");
    breaks(
        Kind::Cleaner,
        "keeps_no_books",
        "the ledger has 0 as dropped",
    );
    breaks(
        Kind::Cleaner,
        "invents_a_row",
        "rows changed their numbers or their order",
    );
    breaks(Kind::Cleaner, "wants_rows", "a log without rows");
    breaks(
        Kind::Cleaner,
        "wants_cells",
        "every cell is missing: it panics",
    );
    let broken = musicrec_api::conformance::broken(Kind::Cleaner, "loses_cells");
    assert!(
        broken[0].contains("column `country` has 1 cells"),
        "{broken:?}"
    );
}

#[test]
#[should_panic(expected = "changes it again")]
fn cleaning_without_an_end_is_found_on_request() {
    let cleaner: Box<dyn musicrec_api::Cleaner> =
        serde_json::from_str(r#"{"never_done": {}}"#).expect("a plugin of this file");
    musicrec_api::conformance::cleans_once(&*cleaner);
}
