//! Which column plays which part, guessed from the names that people give.

use musicrec_api::Roles;

/// Names of columns as they are compared: lower case, letters and digits only. The first that the
/// log has counts, so the better name comes first.
const USER: &[&str] = &[
    "userid",
    "user",
    "uid",
    "listenerid",
    "listener",
    "username",
    "accountid",
    "account",
    "customerid",
    "memberid",
    "profileid",
    "subscriberid",
    "visitorid",
    "reviewerid",
    "deviceid",
    "anonymousid",
    "sessionid",
    "column1",
];
const ITEM: &[&str] = &[
    "songid",
    "song",
    "trackid",
    "track",
    "itemid",
    "item",
    "recordingmbid",
    "recordingid",
    "spotifytrackuri",
    "trackuri",
    "trackmbid",
    "musicid",
    "mid",
    "sid",
    "iid",
    "productid",
    "asin",
    "movieid",
    "mastermetadatatrackname",
    "trackname",
    "songname",
    "title",
    "artistid",
    "artistmbid",
    "artist",
    "artistname",
    "albumid",
    "location",
    "column2",
];
const TIME: &[&str] = &[
    "timestamp",
    "ts",
    "datetime",
    "playedat",
    "listenedat",
    "eventtime",
    "time",
    "createdat",
    "endtime",
    "starttime",
    "unixtimestamp",
    "date",
    "day",
];
const EVENT: &[&str] = &[
    "eventtype",
    "event",
    "action",
    "interactiontype",
    "interaction",
    "eventname",
    "activity",
    "behavior",
    "behaviour",
    "kind",
    "type",
];
const PLAYS: &[&str] = &[
    "playcount",
    "plays",
    "playscount",
    "nplays",
    "numplays",
    "listencount",
    "listens",
    "scrobbles",
    "count",
];
const SECONDS: &[&str] = &[
    "listenseconds",
    "secondsplayed",
    "playseconds",
    "secplayed",
    "seconds",
    "listenedseconds",
    "listentime",
    "playtime",
    "durationplayed",
    "durationlistened",
];
/// Columns that hold the time listened in milliseconds.
const MILLISECONDS: &[&str] = &[
    "msplayed",
    "playedms",
    "listenms",
    "listenedms",
    "durationms",
];

/// The parts that columns play, as far as they are said, known or guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Guess {
    pub(crate) user: Option<String>,
    pub(crate) item: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) plays: Option<String>,
    pub(crate) seconds: Option<String>,
    /// A column of milliseconds listened.
    pub(crate) milliseconds: Option<String>,
}

/// A column's name as names are compared.
pub(super) fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

/// Guesses by name.
pub(super) fn guess(names: &[String]) -> Guess {
    let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let find = |known: &[&str]| {
        let places = known
            .iter()
            .map(|k| plain.iter().position(|name| name == k));
        places.flatten().next().map(|place| names[place].clone())
    };
    Guess {
        user: find(USER),
        item: find(ITEM),
        time: find(TIME),
        event: find(EVENT),
        plays: find(PLAYS),
        seconds: find(SECONDS),
        milliseconds: find(MILLISECONDS),
    }
}

impl Guess {
    /// Each part that the lab knows by its name, with its column.
    pub(super) fn parts(&self) -> [(&'static str, Option<&String>); 6] {
        [
            ("user", self.user.as_ref()),
            ("item", self.item.as_ref()),
            ("time", self.time.as_ref()),
            ("event", self.event.as_ref()),
            ("plays", self.plays.as_ref()),
            ("seconds", self.seconds.as_ref()),
        ]
    }

    /// What is known for certain.
    pub(super) fn of(roles: &Roles) -> Self {
        Self {
            user: Some(roles.user.clone()),
            item: Some(roles.item.clone()),
            time: roles.time.clone(),
            event: roles.event.clone(),
            plays: roles.plays.clone(),
            seconds: roles.seconds.clone(),
            milliseconds: None,
        }
    }

    /// What was said takes the place of what was guessed.
    pub(super) fn or(said: Self, guessed: Self) -> Self {
        Self {
            user: said.user.or(guessed.user),
            item: said.item.or(guessed.item),
            time: said.time.or(guessed.time),
            event: said.event.or(guessed.event),
            plays: said.plays.or(guessed.plays),
            seconds: said.seconds.or(guessed.seconds),
            milliseconds: said.milliseconds.or(guessed.milliseconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::guess;

    fn of(header: &str) -> [Option<String>; 6] {
        let names: Vec<String> = header.split(',').map(str::to_owned).collect();
        let guess = guess(&names);
        [
            guess.user,
            guess.item,
            guess.time,
            guess.event,
            guess.plays,
            guess.seconds.or(guess.milliseconds),
        ]
    }

    #[test]
    fn the_names_that_people_give_are_known() {
        for (header, parts) in [
            (
                "user_id,song_id,event_type,play_count,listen_seconds,timestamp,artist_id",
                "user_id,song_id,timestamp,event_type,play_count,listen_seconds",
            ),
            ("userId,track,msPlayed,ts", "userId,track,ts,,,msPlayed"),
            ("User ID,artist,plays", "User ID,artist,,,plays,"),
            ("userid,movieid,rating,time", "userid,movieid,time,,,"),
            (
                "Artist,Track,Listened At,username",
                "username,Track,Listened At,,,",
            ),
        ] {
            let found = of(header).map(Option::unwrap_or_default).join(",");
            assert_eq!(found, parts, "{header}");
        }
    }
}
