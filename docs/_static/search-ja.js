"use strict";
// Sphinx has no Japanese for this sentence.
Documentation.TRANSLATIONS["Search finished, found one page matching the search query."] = [
  "検索が終わりました。見つかったページ: ${resultCount}",
];
