//! Product rules in a saved model: which items nobody is shown, and of which a list holds few.

use musicrec_api::{Error, MISSING, Result, Tensors};

use crate::stages::rules::{Cap, Limits};

/// Puts limits among the arrays: `limits.hidden`, and a column and its `limits.<n>.of_item` for each cap.
pub(super) fn insert(tensors: &mut Tensors, limits: &Limits) {
    let hidden = limits.hidden.clone();
    tensors.insert("limits.hidden", vec![hidden.len()], hidden);
    let caps = [limits.caps.len() as u64];
    tensors.insert("limits.caps", vec![1], caps.to_vec());
    for (at, cap) in limits.caps.iter().enumerate() {
        let column = cap.column.as_bytes().to_vec();
        tensors.insert(&format!("limits.{at}.column"), vec![column.len()], column);
        tensors.insert(&format!("limits.{at}.most"), vec![1], vec![cap.most as u64]);
        let of_item = cap.of_item.clone();
        tensors.insert(
            &format!("limits.{at}.of_item"),
            vec![of_item.len()],
            of_item,
        );
    }
}

/// Takes them out again, for so many items.
///
/// # Errors
/// If they are not limits of so many items.
pub(super) fn take(tensors: &mut Tensors, items: usize) -> Result<Limits> {
    let unfit = || Error::data("its product rules do not fit its items");
    let (_, hidden) = tensors.take_u32("limits.hidden")?;
    let ascending = hidden.is_sorted_by(|a, b| a < b);
    if !ascending || hidden.last().is_some_and(|last| *last as usize >= items) {
        return Err(unfit());
    }
    let caps = tensors.take_integer("limits.caps")?;
    let mut limits = Limits {
        caps: Vec::new(),
        hidden,
    };
    for at in 0..caps {
        let (_, column) = tensors.take_u8(&format!("limits.{at}.column"))?;
        let column = String::from_utf8(column).map_err(|_| unfit())?;
        let most = tensors.take_integer(&format!("limits.{at}.most"))?;
        let (_, of_item) = tensors.take_u32(&format!("limits.{at}.of_item"))?;
        let known = of_item.iter().filter(|value| **value != MISSING);
        let values = known.max().map_or(0, |last| *last as usize + 1);
        // As many values as items at most, for each is some item's.
        if of_item.len() != items || values > items || most == 0 {
            return Err(unfit());
        }
        let most = usize::try_from(most).map_err(|_| unfit())?;
        limits
            .caps
            .push(Cap::by(&column, most, (of_item, values), &limits.hidden));
    }
    Ok(limits)
}
