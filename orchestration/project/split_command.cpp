// Words of a command line: the shellwords of mattn/go-shellwords, with environment and backticks left alone, as compose
// uses it. What follows ; & | < > outside of quotes is dropped, which surprises people but is what the container gets.
#include "orchestration/project/short_forms.hpp"

namespace orchestration {
namespace {

class splitter {
 public:
  std::optional<std::vector<std::string>> split(std::string_view line) {
    for (const char c : line) {
      const step result = take(c);
      if (result == step::refuse) return std::nullopt;
      if (result == step::stop) break;
    }
    finish_word();
    if (escaped_ || double_quoted_ || single_quoted_ || back_quoted_ || parenthesised_) return std::nullopt;
    return std::move(words_);
  }

 private:
  enum class step { go_on, stop, refuse };

  step take(char c);
  step add(char c) {
    word_ += c;
    has_word_ = true;
    return step::go_on;
  }
  void finish_word() {
    if (has_word_) words_.push_back(std::move(word_));
    word_.clear();
    has_word_ = false;
  }
  bool quoted() const { return double_quoted_ || single_quoted_ || back_quoted_ || parenthesised_; }
  step parenthesis(char c);
  step quote(char c, bool& mine, bool others);

  std::vector<std::string> words_;
  std::string word_;
  bool has_word_ = false;  // "" is a word as well
  bool escaped_ = false;
  bool double_quoted_ = false;
  bool single_quoted_ = false;
  bool back_quoted_ = false;
  bool parenthesised_ = false;  // $(…)
};

splitter::step splitter::quote(char c, bool& mine, bool others) {
  if (others) return add(c);
  if (mine) has_word_ = true;
  mine = !mine;
  return step::go_on;
}

splitter::step splitter::parenthesis(char c) {
  const bool in_quotes = single_quoted_ || double_quoted_ || back_quoted_;
  if (in_quotes) return add(c);
  if (c == ')') {
    parenthesised_ = !parenthesised_;
    return add(c);
  }
  if (parenthesised_ || !word_.ends_with('$')) return step::refuse;
  parenthesised_ = true;
  word_ += c;
  return step::go_on;
}

splitter::step splitter::take(char c) {
  if (escaped_) {
    escaped_ = false;
    return add(c);
  }
  switch (c) {
    case '\\':
      if (single_quoted_) {
        word_ += c;
        return step::go_on;
      }
      escaped_ = true;
      return step::go_on;
    case ' ':
    case '\t':
    case '\r':
    case '\n':
      if (quoted())
        word_ += c;
      else
        finish_word();
      return step::go_on;
    case '`':
      if (!single_quoted_ && !double_quoted_ && !parenthesised_) back_quoted_ = !back_quoted_;
      return add(c);
    case '(':
    case ')':
      return parenthesis(c);
    case '"':
      return quote(c, double_quoted_, single_quoted_ || parenthesised_);
    case '\'':
      return quote(c, single_quoted_, double_quoted_ || parenthesised_);
    case ';':
    case '&':
    case '|':
    case '<':
    case '>':
      if (quoted()) return add(c);
      // "2>": the number belongs to the redirection.
      if (c == '>' && !word_.empty() && word_.front() >= '0' && word_.front() <= '9') has_word_ = false;
      return step::stop;
    default:
      return add(c);
  }
}

}  // namespace

std::optional<std::vector<std::string>> split_command(std::string_view line) { return splitter().split(line); }

}  // namespace orchestration
