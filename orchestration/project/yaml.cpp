// The only file that speaks with libyaml. It is the parser that go-yaml was ported from, so both refuse the same files.
#include "orchestration/project/yaml.hpp"

#include <yaml.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace orchestration {
namespace {

constexpr std::string_view standard_tags = "tag:yaml.org,2002:";
constexpr std::string_view reset_tag = "!reset";
constexpr std::string_view override_tag = "!override";

struct event {
  yaml_event_t raw{};
  event() = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;
  ~event() { yaml_event_delete(&raw); }
};

std::string_view view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(text));
}

std::string_view tag_of(const yaml_event_t& e) {
  switch (e.type) {
    case YAML_SCALAR_EVENT:
      return view(e.data.scalar.tag);
    case YAML_SEQUENCE_START_EVENT:
      return view(e.data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
      return view(e.data.mapping_start.tag);
    default:
      return {};
  }
}

std::string_view anchor_of(const yaml_event_t& e) {
  switch (e.type) {
    case YAML_SCALAR_EVENT:
      return view(e.data.scalar.anchor);
    case YAML_SEQUENCE_START_EVENT:
      return view(e.data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
      return view(e.data.mapping_start.anchor);
    default:
      return {};
  }
}

std::optional<std::string> decoded_base64(std::string_view text) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  std::size_t count = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    const std::size_t digit = digits.find(c);
    if (c == '=') ++padding;
    if (c != '=' && (digit == std::string_view::npos || padding > 0)) return std::nullopt;
    bits = bits << 6 | (c == '=' ? 0U : static_cast<unsigned>(digit));
    if (++count % 4 != 0) continue;
    for (const int shift : {16, 8, 0}) out += static_cast<char>(bits >> shift & 0xFFU);
    bits = 0;
  }
  if (count % 4 != 0 || padding > 2) return std::nullopt;
  out.resize(out.size() - padding);
  return out;
}

using key_path = std::vector<std::string>;

// libyaml, with its errors as ours.
class event_reader {
 public:
  event_reader(std::string_view text, const std::string& file) : file_(std::make_shared<const std::string>(file)) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~event_reader() { yaml_parser_delete(&parser_); }
  event_reader(const event_reader&) = delete;
  event_reader& operator=(const event_reader&) = delete;

 protected:
  void next(event& e);
  yaml_mark mark(const yaml_mark_t& at) const;

  std::shared_ptr<const std::string> file_;

 private:
  [[noreturn]] void fail_on_syntax() const;

  yaml_parser_t parser_{};
};

// Reads one stream of documents.
class composer : event_reader {
 public:
  composer(std::string_view text, const std::string& file, const yaml_limits& limits)
      : event_reader(text, file), limits_(limits) {}

  std::vector<yaml_document> documents();

 private:
  struct amount {
    std::size_t nodes = 0;
    std::size_t text_bytes = 0;
  };
  struct anchored {
    yaml_node node;
    amount size;
    std::vector<key_path> resets;  // below the node
  };

  yaml_node compose(const yaml_event_t& e, std::size_t depth);
  yaml_node content(const yaml_event_t& e, std::size_t depth);
  yaml_node alias(const yaml_event_t& e);
  yaml_node scalar(const yaml_event_t& e);
  yaml_node tagged_scalar(std::string_view type, std::string_view text, const yaml_mark& where) const;
  yaml_node sequence(const yaml_event_t& start, std::size_t depth);
  yaml_node mapping(const yaml_event_t& start, std::size_t depth);
  std::string key(const yaml_event_t& e);
  void merge(yaml_node& into, const yaml_node& source);
  void merge_one(yaml_node& into, const yaml_node& source);
  void count(amount more, const yaml_mark& where);
  void check_version(const yaml_event_t& e) const;
  bool take_edit_tag(const yaml_event_t& e);

  yaml_limits limits_;
  amount used_;
  std::map<std::string, anchored, std::less<>> anchors_;
  std::set<std::string, std::less<>> open_anchors_;  // of nodes still being composed
  key_path path_;
  bool records_resets_ = true;  // not below !override: what stands there replaces as a whole
  std::vector<key_path> resets_;
};

yaml_mark event_reader::mark(const yaml_mark_t& at) const {
  return {file_, static_cast<int>(at.line) + 1, static_cast<int>(at.column) + 1};
}

void event_reader::fail_on_syntax() const {
  const std::string problem = parser_.problem == nullptr ? "cannot be read" : parser_.problem;
  if (parser_.error == YAML_READER_ERROR) {
    const unsigned char* text = parser_.input.string.start;
    const auto line = std::count(text, text + parser_.problem_offset, '\n') + 1;
    fail_at({file_, static_cast<int>(line), 0}, "",
            "not UTF-8 text: " + problem + " at byte " + std::to_string(parser_.problem_offset),
            "Save the file as UTF-8");
  }
  std::string what = "not YAML: " + problem;
  if (parser_.context != nullptr)
    what +=
        " " + std::string(parser_.context) + " that begins at line " + std::to_string(parser_.context_mark.line + 1);
  fail_at(mark(parser_.problem_mark), "", what, "Check the indentation and quotes there");
}

void event_reader::next(event& e) {
  yaml_event_delete(&e.raw);
  if (yaml_parser_parse(&parser_, &e.raw) == 0) fail_on_syntax();
}

void composer::count(amount more, const yaml_mark& where) {
  used_.nodes += more.nodes;
  used_.text_bytes += more.text_bytes;
  if (used_.nodes > limits_.nodes)
    fail_at(where, "", "more than " + std::to_string(limits_.nodes) + " values once aliases are expanded",
            "Use fewer aliases");
  if (used_.text_bytes > limits_.text_bytes)
    fail_at(where, "", "more than " + std::to_string(limits_.text_bytes) + " bytes of text once aliases are expanded",
            "Use fewer aliases");
}

// Notes the path when the node is tagged; true for !reset, whose node is then dropped by the caller.
bool composer::take_edit_tag(const yaml_event_t& e) {
  const std::string_view tag = tag_of(e);
  if (records_resets_ && (tag == reset_tag || tag == override_tag)) resets_.push_back(path_);
  return tag == reset_tag;
}

yaml_node composer::compose(const yaml_event_t& e, std::size_t depth) {
  const yaml_mark where = mark(e.start_mark);
  if (depth > limits_.depth) fail_at(where, "", "more than " + std::to_string(limits_.depth) + " levels deep");
  if (e.type == YAML_ALIAS_EVENT) return alias(e);
  const std::string anchor(anchor_of(e));
  if (anchor.empty()) return content(e, depth);
  const amount before = used_;
  const std::size_t resets_before = resets_.size();
  anchors_.erase(anchor);
  open_anchors_.insert(anchor);
  yaml_node node = content(e, depth);
  open_anchors_.erase(anchor);
  anchored kept{node, {used_.nodes - before.nodes, used_.text_bytes - before.text_bytes}, {}};
  for (std::size_t i = resets_before; i < resets_.size(); ++i)
    kept.resets.emplace_back(resets_[i].begin() + static_cast<std::ptrdiff_t>(path_.size()), resets_[i].end());
  anchors_.insert_or_assign(anchor, std::move(kept));
  return node;
}

yaml_node composer::content(const yaml_event_t& e, std::size_t depth) {
  count({1, 0}, mark(e.start_mark));
  const bool recorded = records_resets_;
  if (tag_of(e) == override_tag) records_resets_ = false;
  yaml_node out = e.type == YAML_SCALAR_EVENT           ? scalar(e)
                  : e.type == YAML_SEQUENCE_START_EVENT ? sequence(e, depth)
                                                        : mapping(e, depth);
  records_resets_ = recorded;
  return out;
}

yaml_node composer::alias(const yaml_event_t& e) {
  const std::string_view name = view(e.data.alias.anchor);
  const yaml_mark where = mark(e.start_mark);
  if (open_anchors_.contains(name)) fail_at(where, "", "*" + std::string(name) + " stands inside of what it names");
  const auto found = anchors_.find(name);
  if (found == anchors_.end())
    fail_at(where, "", "no anchor &" + std::string(name) + " stands above this alias", "Check the spelling");
  count(found->second.size, where);
  for (const key_path& below : found->second.resets) {
    if (!records_resets_) break;
    resets_.push_back(path_);
    resets_.back().insert(resets_.back().end(), below.begin(), below.end());
  }
  return found->second.node;
}

yaml_node composer::scalar(const yaml_event_t& e) {
  const auto& s = e.data.scalar;
  const std::string_view text(reinterpret_cast<const char*>(s.value), s.length);
  count({0, text.size()}, mark(e.start_mark));
  const std::string_view tag = view(s.tag);
  if (tag.starts_with(standard_tags)) return tagged_scalar(tag.substr(standard_tags.size()), text, mark(e.start_mark));
  const bool typed = s.style == YAML_PLAIN_SCALAR_STYLE && tag.empty();
  return make_node(typed ? plain_scalar(text) : yaml_node::any(std::string(text)), mark(e.start_mark));
}

// "!!int 3": what the text would be without the tag and quotes has to be of that type.
yaml_node composer::tagged_scalar(std::string_view type, std::string_view text, const yaml_mark& where) const {
  if (type == "binary") {
    const std::optional<std::string> bytes = decoded_base64(text);
    if (!bytes) fail_at(where, "", "no base64 behind !!binary", "Check its characters");
    return make_node(*bytes, where);
  }
  yaml_node out = make_node(plain_scalar(text), where);
  const auto is = [&]<class Type>() { return std::holds_alternative<Type>(out.value); };
  const bool whole = is.operator()<std::int64_t>() || is.operator()<std::uint64_t>();
  const bool fits = type == "null"        ? out.is_null()
                    : type == "bool"      ? is.operator()<bool>()
                    : type == "int"       ? whole
                    : type == "float"     ? whole || is.operator()<double>()
                    : type == "timestamp" ? is.operator()<yaml_date>()
                                          : false;
  if (fits) return out;
  if (type == "null" || type == "bool" || type == "int" || type == "float" || type == "timestamp")
    fail_at(where, "", "\"" + std::string(text) + "\" is no !!" + std::string(type), "Leave the tag out");
  return make_node(std::string(text), where);
}

yaml_node composer::sequence(const yaml_event_t& start, std::size_t depth) {
  yaml_node out = make_node(yaml_node::sequence(), mark(start.start_mark));
  event e;
  for (next(e); e.raw.type != YAML_SEQUENCE_END_EVENT; next(e)) {
    path_.push_back(std::to_string(out.items().size()));
    const bool dropped = take_edit_tag(e.raw);
    yaml_node item = compose(e.raw, depth + 1);
    path_.pop_back();
    if (!dropped) out.items().push_back(std::move(item));
  }
  return out;
}

std::string composer::key(const yaml_event_t& e) {
  const yaml_mark where = mark(e.start_mark);
  if (e.type == YAML_ALIAS_EVENT) {
    const yaml_node named = alias(e);
    if (named.text() != nullptr) return *named.text();
  }
  if (e.type != YAML_SCALAR_EVENT) fail_at(where, "", "a key that is not text", "Keys are plain words");
  count({1, e.data.scalar.length}, where);
  const yaml_node node = scalar(e);
  if (node.text() == nullptr)
    fail_at(where, "",
            "the key " + std::string(view(e.data.scalar.value)) + " is not text but " + std::string(node.kind_text()),
            "Put it in quotes");
  const std::string anchor(anchor_of(e));
  if (!anchor.empty()) anchors_.insert_or_assign(anchor, anchored{node, {1, node.text()->size()}, {}});
  return *node.text();
}

void composer::merge_one(yaml_node& into, const yaml_node& source) {
  if (!source.is_mapping())
    fail_at(source.where, "",
            "<< takes a mapping or a list of mappings, and this is " + std::string(source.kind_text()));
  for (const yaml_member& each : source.members())
    if (into.find(each.key) == nullptr) into.members().push_back(each);
}

void composer::merge(yaml_node& into, const yaml_node& source) {
  if (!source.is_sequence()) return merge_one(into, source);
  for (const yaml_node& each : source.items()) merge_one(into, each);
}

yaml_node composer::mapping(const yaml_event_t& start, std::size_t depth) {
  yaml_node out = make_node(yaml_node::mapping(), mark(start.start_mark));
  std::map<std::string, int> seen;  // where: line
  std::optional<yaml_node> merged;
  event e;
  for (next(e); e.raw.type != YAML_MAPPING_END_EVENT; next(e)) {
    const yaml_mark where = mark(e.raw.start_mark);
    const bool plain = e.raw.type == YAML_SCALAR_EVENT && e.raw.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    std::string name = key(e.raw);
    if (const auto [first, is_new] = seen.try_emplace(name, where.line); !is_new)
      fail_at(where, "",
              "\"" + name + "\" stands here a second time; first at line " + std::to_string(first->second),
              "Remove one of them");
    next(e);
    if (plain && name == "<<") {  // its content counts as if it stood in this very mapping
      merged = compose(e.raw, depth + 1);
      continue;
    }
    path_.push_back(name);
    const bool dropped = take_edit_tag(e.raw);
    yaml_node value = compose(e.raw, depth + 1);
    path_.pop_back();
    if (!dropped) out.members().push_back({std::move(name), where, std::move(value)});
  }
  if (merged) merge(out, *merged);  // last: keys of the mapping itself win, wherever they stand
  return out;
}

// libyaml takes "%YAML 1.2" as well.
void composer::check_version(const yaml_event_t& e) const {
  if (e.type != YAML_DOCUMENT_START_EVENT) return;
  const yaml_version_directive_t* version = e.data.document_start.version_directive;
  if (version != nullptr && (version->major != 1 || version->minor != 1))
    fail_at(mark(e.start_mark), "", "written for another version of YAML than 1.1",
            "Remove the line that begins with %YAML");
}

std::vector<yaml_document> composer::documents() {
  std::vector<yaml_document> out;
  event e;
  for (next(e); e.raw.type != YAML_STREAM_END_EVENT; next(e)) {
    check_version(e.raw);
    if (e.raw.type == YAML_STREAM_START_EVENT || e.raw.type == YAML_DOCUMENT_START_EVENT ||
        e.raw.type == YAML_DOCUMENT_END_EVENT)
      continue;
    anchors_.clear();
    resets_.clear();
    yaml_document document;
    document.root = compose(e.raw, 0);
    document.resets = std::move(resets_);
    out.push_back(std::move(document));
  }
  return out;
}

// --- how it is written -------------------------------------------------------------------------------------------

class outliner : event_reader {
 public:
  outliner(std::string_view text, const std::string& file) : event_reader(text, file), text_(text) {
    // libyaml counts characters, and does not count a byte order mark.
    std::size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    for (; at < text.size(); ++at)
      if ((static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U) offsets_.push_back(at);
    offsets_.push_back(text.size());
  }

  std::vector<outline_node> documents() {
    std::vector<outline_node> out;
    event e;
    for (next(e); e.raw.type != YAML_STREAM_END_EVENT; next(e))
      if (e.raw.type != YAML_STREAM_START_EVENT && e.raw.type != YAML_DOCUMENT_START_EVENT &&
          e.raw.type != YAML_DOCUMENT_END_EVENT)
        out.push_back(node(e.raw, 0));
    return out;
  }

 private:
  std::size_t offset(const yaml_mark_t& at) const { return offsets_.at(std::min(at.index, offsets_.size() - 1)); }

  // A block's end is marked where the next thing begins: what counts is the last that takes room.
  void reached(const yaml_event_t& e) {
    if (e.end_mark.index <= e.start_mark.index) return;
    std::size_t end = offset(e.end_mark);
    const std::size_t begin = offset(e.start_mark);
    while (end > begin && (text_[end - 1] == '\n' || text_[end - 1] == '\r' || text_[end - 1] == ' ')) --end;
    last_ = std::max(last_, end);
  }

  static yaml_writing writing_of(const yaml_event_t& e) {
    if (e.type == YAML_ALIAS_EVENT) return yaml_writing::alias;
    const bool flow = (e.type == YAML_MAPPING_START_EVENT && e.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE) ||
                      (e.type == YAML_SEQUENCE_START_EVENT && e.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
    if (e.type != YAML_SCALAR_EVENT) return flow ? yaml_writing::flow : yaml_writing::block;
    switch (e.data.scalar.style) {
      case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return yaml_writing::single_quoted;
      case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return yaml_writing::double_quoted;
      case YAML_LITERAL_SCALAR_STYLE:
      case YAML_FOLDED_SCALAR_STYLE:
        return yaml_writing::block_text;
      default:
        return yaml_writing::plain;
    }
  }

  outline_node node(const yaml_event_t& e, std::size_t depth) {
    if (depth > yaml_limits().depth)
      fail_at(mark(e.start_mark), "", "more than " + std::to_string(yaml_limits().depth) + " levels deep");
    outline_node out;
    out.how = writing_of(e);
    out.marked = !anchor_of(e).empty() || !tag_of(e).empty();
    out.begin = offset(e.start_mark);
    out.column = static_cast<int>(e.start_mark.column);
    last_ = out.begin;
    reached(e);
    if (e.type == YAML_SCALAR_EVENT)
      out.text.assign(reinterpret_cast<const char*>(e.data.scalar.value), e.data.scalar.length);
    if (e.type == YAML_SEQUENCE_START_EVENT) pass_sequence(depth);
    if (e.type == YAML_MAPPING_START_EVENT) read_members(out, depth);
    out.end = last_;
    return out;
  }

  void pass_sequence(std::size_t depth) {
    event e;
    for (next(e); e.raw.type != YAML_SEQUENCE_END_EVENT; next(e)) {
      const std::size_t before = last_;
      node(e.raw, depth + 1);
      last_ = std::max(last_, before);
    }
    reached(e.raw);
  }

  void read_members(outline_node& out, std::size_t depth) {
    event e;
    for (next(e); e.raw.type != YAML_MAPPING_END_EVENT; next(e)) {
      const std::size_t before = last_;
      outline_member each;
      each.key = node(e.raw, depth + 1);
      const std::size_t behind_key = last_;
      next(e);
      each.value = node(e.raw, depth + 1);
      // A value that is nothing is marked behind white space.
      last_ = each.value.is_nothing() ? std::max(before, behind_key) : std::max(before, last_);
      out.members.push_back(std::move(each));
    }
    reached(e.raw);
  }

  std::string_view text_;
  std::vector<std::size_t> offsets_;  // of each character
  std::size_t last_ = 0;
};

// --- escapes in double quotes, where go-yaml and libyaml differ ---

// Finds the tokens of a text, to see where double quotes begin and end.
class token_scan {
 public:
  explicit token_scan(std::string_view text) : text_(text) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    if (text.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }
  ~token_scan() { yaml_parser_delete(&parser_); }
  token_scan(const token_scan&) = delete;
  token_scan& operator=(const token_scan&) = delete;

  // The next text in double quotes that holds "\/"; absent when there is none, or the scan ends in an error.
  std::optional<yaml_mark_t> next_escaped_slash() {
    for (bool more = true; more;) {
      yaml_token_t token;
      if (yaml_parser_scan(&parser_, &token) == 0) return std::nullopt;
      const bool quoted = token.type == YAML_SCALAR_TOKEN && token.data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
      more = token.type != YAML_STREAM_END_TOKEN && token.type != YAML_NO_TOKEN;
      const yaml_mark_t start = token.start_mark;
      const yaml_mark_t end = token.end_mark;
      yaml_token_delete(&token);
      if (quoted && has_escaped_slash(start.index, end.index)) return start;
    }
    return std::nullopt;
  }

  // Where the scan stopped at "\'".
  std::optional<std::size_t> stopped_at_escaped_quote() {
    if (parser_.error != YAML_SCANNER_ERROR || parser_.problem != std::string_view("found unknown escape character"))
      return std::nullopt;
    const std::size_t at = byte_of(parser_.problem_mark.index);
    return text_.substr(at).starts_with("\\'") ? std::optional(at) : std::nullopt;
  }

 private:
  // Of a character; libyaml counts characters. Only ever forwards.
  std::size_t byte_of(std::size_t character) {
    while (characters_ < character && at_ < text_.size()) {
      ++at_;
      while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0U) == 0x80U) ++at_;
      ++characters_;
    }
    return at_;
  }
  bool has_escaped_slash(std::size_t first, std::size_t last) {
    const std::size_t begin = byte_of(first);
    const std::string_view inside = text_.substr(begin, byte_of(last) - begin);
    for (std::size_t i = 0; i + 1 < inside.size(); ++i)
      if (inside[i] == '\\' && inside[++i] == '/') return true;
    return false;
  }

  std::string_view text_;
  yaml_parser_t parser_{};
  std::size_t at_ = 0;
  std::size_t characters_ = 0;
};

// "\'" is a quote to go-yaml and an error to libyaml, and "\/" the other way round. Each text in double quotes that has
// the former takes one more scan, so their number is bounded.
std::string with_escapes_of_go(std::string text, const std::string& file) {
  constexpr std::size_t most_work = 64 << 20;
  for (std::size_t work = text.size(); work < most_work; work += text.size()) {
    token_scan scan(text);
    if (const std::optional<yaml_mark_t> slash = scan.next_escaped_slash())
      fail_at({std::make_shared<const std::string>(file), static_cast<int>(slash->line) + 1,
               static_cast<int>(slash->column) + 1},
              "", "not YAML: found unknown escape character \\/ in this text", "Write / alone");
    const std::optional<std::size_t> quote = scan.stopped_at_escaped_quote();
    if (!quote) break;
    for (std::size_t i = *quote; i + 1 < text.size() && text[i] != '"'; ++i)
      if (text[i] == '\\' && text[i + 1] == '\'')
        text.erase(i, 1);
      else if (text[i] == '\\')
        ++i;
  }
  return text;
}

}  // namespace

const outline_member* outline_node::find(std::string_view key) const {
  for (const outline_member& each : members)
    if (each.key.text == key) return &each;
  return nullptr;
}

std::vector<outline_node> outline_yaml(std::string_view text, const std::string& file) {
  return outliner(text, file).documents();
}

std::vector<yaml_document> parse_yaml(std::string_view text, const std::string& file, const yaml_limits& limits) {
  if (text.size() > limits.file_size)
    fail_at({std::make_shared<const std::string>(file), 0, 0}, "",
            "larger than " + std::to_string(limits.file_size) + " bytes", "Is it a compose file?");
  if (text.find("\\'") == std::string_view::npos && text.find("\\/") == std::string_view::npos)
    return composer(text, file, limits).documents();
  const std::string mended = with_escapes_of_go(std::string(text), file);
  return composer(mended, file, limits).documents();
}

}  // namespace orchestration
