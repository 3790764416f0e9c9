#include "orchestration/project/config_hash.hpp"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace orchestration {
namespace {

using docker::json;

// --- text ---

// Bytes of the UTF-8 character at the front; 0 when there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
  const auto tail = [&](std::size_t i) { return follows(i, 0x80, 0xBF); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first == 0xE0) return follows(1, 0xA0, 0xBF) && tail(2) ? 3 : 0;
  if (first == 0xED) return follows(1, 0x80, 0x9F) && tail(2) ? 3 : 0;  // no surrogates
  if (first >= 0xE1 && first <= 0xEF) return tail(1) && tail(2) ? 3 : 0;
  if (first == 0xF0) return follows(1, 0x90, 0xBF) && tail(2) && tail(3) ? 4 : 0;
  if (first == 0xF4) return follows(1, 0x80, 0x8F) && tail(2) && tail(3) ? 4 : 0;
  if (first >= 0xF1 && first <= 0xF3) return tail(1) && tail(2) && tail(3) ? 4 : 0;
  return 0;
}

std::string hex(unsigned value, int digits) {
  static constexpr std::string_view symbols = "0123456789abcdef";
  std::string out(static_cast<std::size_t>(digits), '0');
  for (auto at = out.rbegin(); at != out.rend(); ++at, value /= 16) *at = symbols[value % 16];
  return out;
}

// Stands for itself, and is one byte: nearly all that there is. Go escapes <, > and & so that JSON can stand in HTML.
bool is_plain(char c) {
  return c >= 0x20 && static_cast<unsigned char>(c) < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

// Of a character that is not plain; empty when it stands for itself.
std::string escape_of(std::string_view character) {
  if (character == "\u2028") return "\\u2028";
  if (character == "\u2029") return "\\u2029";
  if (character.size() > 1) return {};
  switch (const char c = character.front()) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    default:
      return "\\u" + hex(static_cast<unsigned char>(c), 4);
  }
}

void write_text(std::string_view text, std::string& out) {
  out += '"';
  while (true) {
    const auto plain_end = std::find_if_not(text.begin(), text.end(), is_plain);
    out.append(text.begin(), plain_end);
    text.remove_prefix(static_cast<std::size_t>(plain_end - text.begin()));
    if (text.empty()) break;
    const std::size_t size = character_size(text);
    const std::string_view character = text.substr(0, size == 0 ? 1 : size);
    if (size == 0)
      out += "\\ufffd";
    else if (const std::string escaped = escape_of(character); !escaped.empty())
      out += escaped;
    else
      out += character;
    text.remove_prefix(character.size());
  }
  out += '"';
}

class writer {
 public:
  explicit writer(json_layout layout) : layout_(layout) {}
  std::string text;

  void write(const json& value) {
    if (value.is_string()) return write_text(value.as_string(), text);
    if (value.is_null()) text += "null";
    if (value.is_bool()) text += value.as_bool() ? "true" : "false";
    if (value.is_number()) text += value.number_text();
    if (value.is_array()) write_all('[', value.elements(), ']', [&](const json& each) { write(each); });
    if (value.is_object())
      write_all('{', value.object_members(), '}', [&](const json::member& each) {
        write_text(each.first, text);
        text += layout_ == json_layout::indented ? ": " : ":";
        write(each.second);
      });
  }

 private:
  template <class Items, class Write>
  void write_all(char open, const Items& items, char close, const Write& write_one) {
    text += open;
    depth_ += 2;
    bool first = true;
    for (const auto& each : items) {
      if (!first) text += ',';
      first = false;
      break_line();
      write_one(each);
    }
    depth_ -= 2;
    if (!first) break_line();
    text += close;
  }
  void break_line() {
    if (layout_ == json_layout::indented) text.append(1, '\n').append(depth_, ' ');
  }

  json_layout layout_;
  std::size_t depth_ = 0;
};

// Not by EVP: to load its provider takes longer than all hashes of a project together.
std::string sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256_CTX context;
  if (SHA256_Init(&context) != 1 || SHA256_Update(&context, text.data(), text.size()) != 1 ||
      SHA256_Final(digest.data(), &context) != 1)
    throw std::runtime_error("OpenSSL cannot make a SHA-256");
  std::string out;
  for (const unsigned char byte : digest) out += hex(byte, 2);
  return out;
}

// --- what the dialects differ in ---

void drop_what_is_not_hashed(json& document, hash_dialect dialect) {
  for (const std::string_view name : {"build", "pull_policy", "scale"}) document.erase(name);
  if (json* deploy = document.find("deploy")) deploy->erase("replicas");
  if (dialect == hash_dialect::compose_2_24) return;
  document.erase("depends_on");
  document.erase("profiles");
}

// create_host_path is true, false, or not written; see canonical.hpp.
void write_bind(json& bind, hash_dialect dialect) {
  const json* written = bind.find("create_host_path");
  const bool makes_path = written != nullptr && written->as_bool();
  const bool unwritten = written == nullptr;
  switch (dialect) {
    case hash_dialect::compose_2_24:
    case hash_dialect::compose_2_30:
      if (!makes_path) bind.erase("create_host_path");
      return;
    case hash_dialect::compose_5_0_2:
      if (makes_path) bind.erase("create_host_path");
      return;
    case hash_dialect::compose_5_0:
      break;
  }
  if (makes_path) bind.erase("create_host_path");
  if (!unwritten) return;
  // In its place in the struct: before `recursive`.
  const json* recursive = bind.find("recursive");
  const json kept = recursive == nullptr ? json() : *recursive;
  bind.erase("recursive");
  bind["create_host_path"] = false;
  if (!kept.is_null()) bind["recursive"] = kept;
}

// --- references to containers ---

void resolve_namespaces(json& document, const std::map<std::string, std::string>& containers) {
  static constexpr std::string_view prefix = "service:";
  for (const std::string_view name : {"network_mode", "ipc", "pid"}) {
    json* value = document.find(name);
    if (value == nullptr || !value->is_string() || !value->as_string().starts_with(prefix)) continue;
    const auto found = containers.find(value->as_string().substr(prefix.size()));
    if (found != containers.end()) *value = "container:" + found->second;
  }
}

// The mode ("web:ro") is lost in compose as well, once there is an id.
void resolve_volume_sources(json& document, const std::map<std::string, std::string>& containers) {
  static constexpr std::string_view prefix = "container:";
  json* sources = document.find("volumes_from");
  if (sources == nullptr || !sources->is_array()) return;
  for (json& each : sources->elements()) {
    const std::string text = each.as_string();
    if (text.starts_with(prefix)) {
      const std::string rest = text.substr(prefix.size());
      each = rest.substr(0, rest.find(':'));
    } else if (const auto found = containers.find(text.substr(0, text.find(':'))); found != containers.end()) {
      each = found->second;
    }
  }
}

}  // namespace

void write_binds(json& document, hash_dialect dialect) {
  json* volumes = document.find("volumes");
  if (volumes == nullptr || !volumes->is_array()) return;
  for (json& each : volumes->elements())
    if (json* bind = each.find("bind"); bind != nullptr && bind->is_object()) write_bind(*bind, dialect);
}

std::string go_json_text(const json& document, json_layout layout) {
  writer out(layout);
  out.write(document);
  return std::move(out.text);
}

json hashed_document(const service& s, hash_dialect dialect) {
  json document = s.document;
  drop_what_is_not_hashed(document, dialect);
  write_binds(document, dialect);
  return document;
}

namespace {

std::string resolved_text(json hashed, const std::map<std::string, std::string>& containers) {
  resolve_namespaces(hashed, containers);
  resolve_volume_sources(hashed, containers);
  return go_json_text(hashed);
}

}  // namespace

std::string hash_of(json hashed, const std::map<std::string, std::string>& containers) {
  return sha256(resolved_text(std::move(hashed), containers));
}

std::string service_hash_text(const service& s, hash_dialect dialect,
                              const std::map<std::string, std::string>& containers) {
  return resolved_text(hashed_document(s, dialect), containers);
}

std::string service_hash(const service& s, hash_dialect dialect, const std::map<std::string, std::string>& containers) {
  if (!s.found.empty())
    return s.found.begin()->second.body.string_at({"Labels", "com.docker.compose.config-hash"});
  return sha256(service_hash_text(s, dialect, containers));
}

std::string hash_without_files(const std::string& old_hash, const std::string& image_reference) {
  return old_hash.empty() ? std::string() : sha256("without files: " + old_hash + " " + image_reference);
}

std::string network_hash(const network& n) { return sha256(go_json_text(n.document)); }

std::string volume_hash(const volume& v) {
  if (v.document.contains("driver")) return sha256(go_json_text(v.document));
  // The driver that compose fills in stands second, behind the name.
  json document = json::make_object();
  if (const json* name = v.document.find("name")) document["name"] = *name;
  document["driver"] = "local";
  for (const auto& [name, value] : v.document.object_members()) document[name] = value;
  return sha256(go_json_text(document));
}

}  // namespace orchestration
