#include "orchestration/project/env_text.hpp"

#include <algorithm>

#include "orchestration/project/pin.hpp"

namespace orchestration {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view blank = " \t\v\f\r";

bool is_blank(char c) { return blank.find(c) != std::string_view::npos; }
// Bytes of the white space at the front; U+0085 and U+00A0 are white space to compose as well.
std::size_t blank_at_front(std::string_view text) {
  if (!text.empty() && is_blank(text.front())) return 1;
  return text.starts_with("\xC2\x85") || text.starts_with("\xC2\xA0") ? 2 : 0;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// Letters outside of ASCII are allowed; their bytes are not looked at more closely.
bool is_name_byte(char c) {
  return is_letter(c) || is_digit(c) || std::string_view("_.-[]").find(c) != std::string_view::npos ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string_view trimmed_end(std::string_view text) {
  for (;;) {
    if (!text.empty() && (is_blank(text.back()) || text.back() == '\n'))
      text.remove_suffix(1);
    else if (text.size() >= 2 && blank_at_front(text.substr(text.size() - 2)) == 2)
      text.remove_suffix(2);
    else
      return text;
  }
}

class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {
    if (text_.starts_with(byte_order_mark)) at_ = byte_order_mark.size();
  }

  std::vector<env_assignment> run() {
    while (skip_to_statement()) statement();
    return std::move(found_);
  }

 private:
  bool ended() const { return at_ >= text_.size(); }
  char here() const { return text_[at_]; }
  std::string_view rest() const { return text_.substr(at_); }

  void skip_blank() {
    // The CR of a line end is not spacing: a value put in has to stand before it.
    while (!rest().starts_with("\r\n") && blank_at_front(rest()) > 0) at_ += blank_at_front(rest());
  }

  bool skip_to_statement() {
    for (;;) {
      skip_blank();
      if (ended()) return false;
      if (here() == '\n' || here() == '\r') {
        ++at_;
        continue;
      }
      if (here() != '#') return true;
      at_ = std::min(text_.find('\n', at_), text_.size());
    }
  }

  void skip_export() {
    constexpr std::string_view word = "export";
    if (!rest().starts_with(word) || blank_at_front(rest().substr(word.size())) == 0) return;
    at_ += word.size();
    skip_blank();
  }

  void statement() {
    skip_export();
    const std::size_t begin = at_;
    while (!ended() && here() != '=' && here() != ':' && here() != '\n') {
      if (!is_name_byte(here()) && !is_blank(here())) fail("is not NAME=value");
      ++at_;
    }
    const std::string_view name = trimmed_end(text_.substr(begin, at_ - begin));
    if (ended()) return;  // no separator up to the end of the text: no name to compose
    if (name.find(' ') != std::string_view::npos) fail("has a space in the name");
    if (here() == '\n') return;  // bare: inherits
    env_assignment a;
    a.name = name;
    a.separator = here();
    ++at_;
    value(a);
    found_.push_back(std::move(a));
  }

  void value(env_assignment& a) {
    const std::size_t after_separator = at_;
    skip_blank();
    if (!ended() && (here() == '"' || here() == '\'')) return quoted(a);
    const std::size_t line_end = std::min(text_.find('\n', at_), text_.size());
    const std::string_view line = text_.substr(at_, line_end - at_);
    a.begin = at_;
    a.end = at_ + trimmed_end(line.substr(0, line.find(" #"))).size();
    a.is_note = line.starts_with('#') && at_ > after_separator && text_[at_ - 1] == ' ';
    at_ = line_end;
  }

  void quoted(env_assignment& a) {
    const char quote = here();
    a.quotes = quote == '"' ? env_quotes::twofold : env_quotes::single;
    a.begin = at_++;
    for (bool escaped = false; !ended(); ++at_) {
      if (here() == quote && !escaped) {
        a.end = ++at_;
        return;
      }
      escaped = !escaped && here() == '\\';
    }
    at_ = a.begin;
    fail("opens a quote that is never closed");
  }

  [[noreturn]] void fail(std::string_view what) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    throw pin_error("line " + std::to_string(line) + " " + std::string(what));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<env_assignment> found_;
};

// A backslash before the closing kind of quote is taken away first, whatever the quotes.
std::string without_quotes(std::string_view inside, char quote) {
  std::string out;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] == '\\' && i + 1 < inside.size()) {
      if (inside[i + 1] != quote) out += '\\';
      out += inside[++i];
    } else {
      out += inside[i];
    }
  }
  return out;
}

void append_character(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  out += static_cast<char>(0xC0U | (code >> 6U));
  out += static_cast<char>(0x80U | (code & 0x3FU));
}

// "\0101" → "A"; false when there are not three octal digits.
bool append_octal(std::string& out, std::string_view after_zero) {
  if (after_zero.size() < 3 || after_zero.substr(0, 3).find_first_not_of("01234567") != std::string_view::npos)
    return false;
  unsigned code = 0;
  for (const char digit : after_zero.substr(0, 3)) code = code * 8 + static_cast<unsigned>(digit - '0');
  append_character(out, code);
  return true;
}

// \$ comes out as $$, which interpolation then makes a dollar sign.
std::string without_escapes(std::string_view text) {
  constexpr std::string_view letters = "abfnrtv\\\"";
  constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\\"";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[i + 1];
    if (const std::size_t which = letters.find(next); which != std::string_view::npos) {
      out += meanings[which];
      ++i;
    } else if (next == '$') {
      out += "$$";
      ++i;
    } else if (next == '0' && append_octal(out, text.substr(i + 2))) {
      i += 4;
    } else {
      out += '\\';
    }
  }
  return out;
}

// The value before references are looked at.
std::string template_of(std::string_view text, const env_assignment& a) {
  const std::string_view raw = text.substr(a.begin, a.end - a.begin);
  if (a.quotes == env_quotes::none) return std::string(raw);
  const std::string_view inside = raw.substr(1, raw.size() - 2);
  if (a.quotes == env_quotes::single) return without_quotes(inside, '\'');
  return without_escapes(without_quotes(inside, '"'));
}

bool is_plain(char c) {
  return is_letter(c) || is_digit(c) || std::string_view("_./:@%+,=~-").find(c) != std::string_view::npos;
}

std::string in_double_quotes(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"' || c == '$') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else
      out += c;
  }
  return out + '"';
}

}  // namespace

std::vector<env_assignment> env_assignments(std::string_view text) { return scanner(text).run(); }

std::string env_value(std::string_view text, const env_assignment& a) {
  std::string out = template_of(text, a);
  if (a.quotes == env_quotes::single) return out;
  for (std::size_t at = 0; (at = out.find("$$", at)) != std::string::npos; ++at) out.erase(at, 1);
  return out;
}

bool has_references(std::string_view text, const env_assignment& a) {
  if (a.quotes == env_quotes::single) return false;
  const std::string value = template_of(text, a);
  for (std::size_t at = 0; (at = value.find('$', at)) != std::string::npos; ++at) {
    const char next = at + 1 < value.size() ? value[at + 1] : ' ';
    if (next == '{' || next == '_' || is_letter(next)) return true;
    if (next == '$') ++at;
  }
  return false;
}

std::string env_text(std::string_view value, env_quotes quotes) {
  if (quotes == env_quotes::none && std::all_of(value.begin(), value.end(), is_plain)) return std::string(value);
  const bool fits_single = value.find_first_of("'\\") == std::string_view::npos;
  if (quotes == env_quotes::single && fits_single) return "'" + std::string(value) + "'";
  return in_double_quotes(value);
}

}  // namespace orchestration
