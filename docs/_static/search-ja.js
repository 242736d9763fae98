"use strict";
// Sphinx has no Japanese for this sentence; earlier versions ask for the second one.
{
  const found = "検索が終わりました。見つかったページ: ${resultCount}";
  const texts = Documentation.TRANSLATIONS;
  texts["Search finished, found one page matching the search query."] = [found];
  texts["Search finished, found ${resultCount} page(s) matching the search query."] = found;
}
