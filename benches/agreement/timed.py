"""Models of time and listening, written down once more with pandas and NumPy (f64), for `zoo.py`.

Each takes a frame of events (user, item, strength, time, and columns), in the order of the log, users and items numbered
from 0, and gives the scores of all items for all users."""
import common
import numpy as np
import pandas as pd

from linear import divided, largest_of_columns, similar, weighed

DAY = 86_400.0


def everybody(log, scores):
    return np.tile(scores, (log.user.max() + 1, 1))


def worth(log, by):
    if by == "plays":
        return log.plays.fillna(1.0) if "plays" in log else pd.Series(1.0, log.index)
    return log.strength if by == "weight" else pd.Series(1.0, log.index)


def by_item(log, series):
    return series.reindex(range(log.item.max() + 1), fill_value=0.0).to_numpy(float)


def popular(log, by="users"):
    if by == "users":
        return by_item(log, log.groupby("item").user.nunique())
    return by_item(log, worth(log, by).groupby(log.item).sum())


def table(log, values):
    """Users x items, values added up."""
    x = np.zeros((log.user.max() + 1, log.item.max() + 1))
    np.add.at(x, (log.user, log.item), values)
    return x


def recent_popularity(log, by="users", window_days=None, half_life_days=None):
    if window_days is None and half_life_days is None:
        window_days = 30
    age = (log.time.max() - log.time) / DAY
    left = np.ones(len(log)) if half_life_days is None else 0.5 ** (age / half_life_days)
    if window_days is not None:
        left = np.where(age < window_days, left, 0.0)
    part = log.assign(value=left * worth(log, by))
    if by == "users":
        part = part.groupby(["user", "item"], as_index=False).value.max()
    return everybody(log, by_item(log, part.groupby("item").value.sum()))


def trending(log, by="users", window_days=7, windows_before=4, growth="z_score", smoothing=10):
    part = log.assign(window=np.floor((log.time.max() - log.time) / DAY / window_days).astype(int), value=worth(log, by))
    part = part[part.window <= windows_before]
    if by == "users":
        part = part.drop_duplicates(["user", "item", "window"])
    a = by_item(log, part[part.window == 0].groupby("item").value.sum())
    b = by_item(log, part[part.window > 0].groupby("item").value.sum())
    rho = a.sum() / b.sum() if b.sum() else 1 / windows_before
    if growth == "z_score":
        return everybody(log, (a - rho * b) / np.sqrt(rho * (a + b + smoothing)))
    c = smoothing * rho / (1 + rho)
    return everybody(log, (a + c) / (rho * b + c))


def mode(values):
    counts = values.dropna().value_counts()
    return min(counts.index[counts == counts.max()]) if len(counts) else None


def segment_popularity(log, columns=("country",), among="listeners", by="users", shrink=20, min_users=5):
    columns = list(columns)
    own = pd.DataFrame({c: log.groupby("user")[c].agg(mode) for c in columns}).to_numpy(object)
    scores = np.tile(popular(log, by) / log.user.nunique(), (len(own), 1))
    for user, values in enumerate(own):
        s = scores[user]
        for depth in range(1, len(columns) + 1):
            wanted = values[:depth]
            if any(pd.isna(v) for v in wanted):
                break
            if among == "events":
                inside = np.logical_and.reduce([log[c].to_numpy(object) == v for c, v in zip(columns, wanted)])
            else:
                inside = (own[:, :depth] == wanted).all(axis=1)[log.user]
            people = log.user[inside].nunique()
            if people < min_users:
                break
            part = log[inside].assign(value=worth(log, by)[inside])
            if by == "users":
                part = part.drop_duplicates(["user", "item"])
            n = by_item(log, part.groupby("item").value.sum())
            s = (n + shrink * s) / (people + shrink)
        scores[user] = s
    return scores


def fading(log, values, half_life_days):
    """By age before the user's own last event that counts."""
    last = log.time.where(values > 0).groupby(log.user).transform("max")
    return (values * 0.5 ** ((last - log.time).clip(lower=0) / DAY / half_life_days)).fillna(0.0)


def personal_top(log, by="events", half_life_days=None):
    values = worth(log, by)
    if half_life_days is not None:
        values = fading(log, values, half_life_days)
    amounts = table(log, values).astype(np.float32)
    heard = popular(log)
    users = log.user.nunique()
    scores = np.tile(heard / (users + 1), (users, 1))
    for user in range(users):
        own = np.flatnonzero(amounts[user])
        keys = sorted(set(zip(amounts[user, own], heard[own])))
        place = {key: 1 + at for at, key in enumerate(keys)}
        scores[user, own] = [place[key] for key in zip(amounts[user, own], heard[own])]
    return scores


def recency_knn(log, half_life_days=30, similarity_half_life_days=None, similarity="cosine", neighbors=100, shrink=10,
                feature_weighting="none", normalize=False):
    strengths = log.strength
    if similarity_half_life_days is not None:
        strengths = strengths * 0.5 ** ((log.time.max() - log.time) / DAY / similarity_half_life_days)
    # As the matrix holds them: else ties of neighbors, of which there are many, fall otherwise.
    x = table(log, strengths).astype(np.float32).astype(float)
    w = largest_of_columns(similar(weighed(x, feature_weighting), similarity, shrink), neighbors)
    return table(log, fading(log, log.strength, half_life_days)) @ (divided(w, 0) if normalize else w)


def markov(log, ahead=1, last=3, decay=0.8, session_gap_hours=None, followers=200, shrink=10):
    users, items = log.user.max() + 1, log.item.max() + 1
    counts = np.zeros((items, items))
    final = np.zeros((users, items))
    for user, own in log[log.strength > 0].sort_values("time", kind="stable").groupby("user"):
        sessions = [[]]
        before = None
        for item, time in zip(own.item, own.time):
            if before is not None and session_gap_hours is not None and time - before[1] > session_gap_hours * 3600:
                sessions.append([item])
            elif before is None or before[0] != item:
                sessions[-1].append(item)
            before = (item, time)
        for session in sessions:
            for at, first in enumerate(session):
                for d, then in enumerate(session[at + 1:at + 1 + ahead], 1):
                    if then != first:
                        counts[first, then] += 1 / d
        for n, item in enumerate(sum(sessions, [])[::-1][:last]):
            final[user, item] += decay**n
    share = popular(log) / popular(log).sum()
    p = (largest_of_columns(counts.T, followers).T + shrink * share) / (counts.sum(axis=1, keepdims=True) + shrink)
    return np.where(final.sum(axis=1, keepdims=True) > 0, divided(final, 1) @ p, share)


def artist_top(log, column="artist_id", by="users", smoothing=0.01):
    artists = log.groupby("item")[column].agg(mode)
    counts = popular(log, by)
    x = table(log, log.strength)
    names = sorted(set(artists.dropna()))
    has = np.array([[artist == name for name in names] for artist in artists], dtype=float)
    love = divided(x @ has, 1)
    inside = divided(has * counts[:, None], 0)
    return (1 - smoothing) * love @ inside.T + smoothing * counts / counts.sum()


MODELS = {f.__name__: f for f in (recent_popularity, trending, segment_popularity, personal_top, recency_knn, markov, artist_top)}

SETTINGS = [
    {"recent_popularity": {"window_days": 14}},
    {"recent_popularity": {"by": "weight", "half_life_days": 7}},
    {"recent_popularity": {"by": "users", "half_life_days": 20, "window_days": 60}},
    {"recent_popularity": {"by": "plays", "half_life_days": 200}},
    {"trending": {}},
    {"trending": {"by": "weight", "growth": "ratio", "window_days": 10, "windows_before": 2, "smoothing": 3}},
    {"trending": {"by": "plays", "window_days": 90, "windows_before": 3}},
    {"segment_popularity": {"columns": ["country", "device"]}},
    {"segment_popularity": {"columns": ["device"], "among": "events", "by": "weight", "shrink": 100}},
    {"segment_popularity": {"columns": ["artist_id", "country"], "min_users": 3, "shrink": 5}},
    {"personal_top": {}},
    {"personal_top": {"by": "plays", "half_life_days": 365}},
    {"personal_top": {"by": "weight", "half_life_days": 30}},
    {"recency_knn": {}},
    {"recency_knn": {"half_life_days": 3, "similarity_half_life_days": 60, "neighbors": 20, "normalize": True,
                     "feature_weighting": "tf_idf"}},
    {"markov": {}},
    {"markov": {"ahead": 10, "last": 10, "decay": 0.5, "session_gap_hours": 1, "followers": 20, "shrink": 100}},
    {"artist_top": {}},
    {"artist_top": {"by": "plays"}},
    {"artist_top": {"by": "weight", "smoothing": 0.2}},
]


def data(name):
    """Events in the order of the file. What the files lack is made up, the same each time: a country of each user, a
    device and plays of each event; the first digits of an item are its artist."""
    if name == "movielens_100k":
        log = pd.read_csv(common.SHARED / name / "ratings.tsv", sep="\t", names=["user", "item", "strength", "time"])
    else:
        # Who gave an artist which tag when: some events of a pair, all at midnight.
        log = pd.read_csv(common.SHARED / "lastfm_2k" / "tags_dated.tsv.gz", sep="\t", names=["user", "item", "tag", "day"])
        log["time"] = (pd.to_datetime(log.day, errors="coerce") - pd.Timestamp("1970-01-01")).dt.total_seconds()
        log = log[log.time > pd.Timestamp("2005-01-01").timestamp()]
        log = log[log.groupby("item").user.transform("nunique") >= 5].copy()
        log["strength"] = 1.0 + log.tag % 3
    log["time"] = log.time.astype(int)
    drawn = np.random.default_rng(8)
    countries = np.array(["DE", "FR", "US", "BR", None], dtype=object)
    log["country"] = countries[drawn.choice(5, log.user.max() + 1, p=[0.6, 0.2, 0.1, 0.05, 0.05])][log.user]
    log["plays"] = log.strength.where(drawn.random(len(log)) > 0.1)
    log["device"] = np.array(["web", "ios", "car", None], dtype=object)[drawn.choice(4, len(log))]
    log["artist_id"] = [None if item % 50 == 7 else f"a{item // 10}" for item in log.item]
    # An item of several artists: the most frequent counts.
    odd = drawn.random(len(log)) < 0.1
    log.loc[odd, "artist_id"] = "various"
    for side in ("user", "item"):
        log[side] = np.unique(log[side], return_inverse=True)[1]
    return log.reset_index(drop=True)[
        ["user", "item", "strength", "time", "plays", "country", "device", "artist_id"]]


def write(log, path):
    with open(path, "w", encoding="utf-8") as out:
        out.write("# " + " ".join(log.columns) + "\n")
        log.to_csv(out, sep="\t", header=False, index=False)
