#include "tools/dockupd/redaction.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "docker_client/credentials.hpp"

namespace dockupd {
namespace {

using text = std::string_view;

constexpr std::size_t shortest_secret = 6;
constexpr std::size_t shortest_word = 12;  // "postgres" is a password in many a project, and an image in more

// Longest first, so that a secret which begins with another is hidden whole.
using secrets_by_length = std::set<std::string, std::function<bool(const std::string&, const std::string&)>>;

secrets_by_length& secrets() {
  static secrets_by_length all(
      [](const std::string& a, const std::string& b) { return a.size() != b.size() ? a.size() > b.size() : a < b; });
  return all;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_word(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; }
bool is_token(char c) { return is_word(c) || c == '.' || c == '+' || c == '/' || c == '=' || c == '~'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string lower(text from) {
  std::string out(from);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

template <class Is>
std::size_t run_of(text from, Is is) {
  return static_cast<std::size_t>(std::find_if_not(from.begin(), from.end(), is) - from.begin());
}

/// The password's place in "scheme://user:password@host" at `at`, where "://" stands; npos: there is none.
struct span {
  std::size_t begin = text::npos;
  std::size_t size = 0;
};
span url_password(text whole, std::size_t at) {
  const std::size_t user = at + 3;
  const std::size_t end = std::min(whole.find_first_of(" \t\r\n\"'<>", user), whole.size());
  // The last "@": passwords hold "@" and "/" that should have been encoded. What is all digits up to a "/" is a port.
  const std::size_t host = whole.substr(0, end).rfind('@');
  const std::size_t colon = whole.substr(0, end).find(':', user);
  if (host == text::npos || colon == text::npos || colon > host) return {};
  const text behind = whole.substr(colon + 1, host - colon - 1);
  const std::size_t port = run_of(behind, [](char c) { return c >= '0' && c <= '9'; });
  if (port > 0 && port < behind.size() && behind[port] == '/') return {};
  return {colon + 1, behind.size()};
}

// --- shapes: each says how many bytes at the front of `rest` are to be kept, and how many behind them hidden ---------

struct shape {
  std::size_t keep = 0;
  std::size_t hide = 0;
};

/// "password=…", "token: …", "\"secret\":\"…\"". Called at the beginning of a word.
shape assignment(text rest) {
  const std::size_t name = run_of(rest, is_word);
  if (name == 0 || !names_a_secret(rest.substr(0, name))) return {};
  std::size_t at = name;
  const bool json = rest.substr(at).starts_with('"');
  if (json) ++at;
  if (at >= rest.size() || (rest[at] != '=' && !(json && rest[at] == ':'))) return {};
  ++at;
  if (json) at += run_of(rest.substr(at), is_blank);
  const bool quoted = at < rest.size() && (rest[at] == '"' || rest[at] == '\'');
  if (quoted) {
    std::size_t end = at + 1;
    while (end < rest.size() && rest[end] != rest[at]) end += rest[end] == '\\' ? 2 : 1;
    return {at + 1, std::min(end, rest.size()) - at - 1};
  }
  return {at, run_of(rest.substr(at), [](char c) { return !is_blank(c) && c != ',' && c != ';' && c != '&'; })};
}

/// RFC 6750 and RFC 7617: "Bearer TOKEN", "Basic BASE64"; X-Registry-Auth: BASE64.
shape authorization(text rest) {
  for (const text word : {text("bearer "), text("basic "), text("x-registry-auth: ")}) {
    if (lower(rest.substr(0, word.size())) != word) continue;
    const std::size_t size = run_of(rest.substr(word.size()), is_token);
    if (size >= 8) return {word.size(), size};
  }
  return {};
}

/// RFC 7519: three base64url parts; the first is a JSON object, so it begins with eyJ.
shape web_token(text rest) {
  if (!rest.starts_with("eyJ")) return {};
  const std::size_t size = run_of(rest, [](char c) { return is_word(c) || c == '.'; });
  return std::count(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size), '.') >= 2 ? shape{0, size}
                                                                                              : shape();
}

/// AWS: access key ids are AKIA or ASIA and sixteen capitals or digits.
shape aws_key(text rest) {
  if (!rest.starts_with("AKIA") && !rest.starts_with("ASIA")) return {};
  const std::size_t size = run_of(rest, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
  return size == 20 ? shape{0, size} : shape();
}

/// RFC 7468: to the end line, or to the end of what there is.
shape private_key(text rest) {
  if (!rest.starts_with("-----BEGIN ")) return {};
  const std::size_t label = rest.find("PRIVATE KEY-----");
  if (label == text::npos || label > 40) return {};
  const std::size_t end = rest.find("-----END ", label);
  const std::size_t keep = label + 16;
  return {keep, (end == text::npos ? rest.size() : end) - keep};
}

shape secret_at(text rest) {
  for (const auto& find : {private_key, authorization, web_token, aws_key, assignment})
    if (const shape found = find(rest); found.hide > 0) return found;
  return {};
}

std::string without_shapes(text whole) {
  std::string out;
  char before = ' ';
  for (std::size_t at = 0; at < whole.size();) {
    const text rest = whole.substr(at);
    shape found;
    if (!is_word(before)) found = secret_at(rest);
    if (found.hide == 0 && rest.starts_with("://")) {
      const span password = url_password(whole, at);
      if (password.size > 0) found = {password.begin - at, password.size};
    }
    if (found.hide == 0) {
      before = whole[at];
      out += whole[at++];
      continue;
    }
    out.append(rest.substr(0, found.keep)).append(hidden);
    at += found.keep + found.hide;
    before = ' ';
  }
  return out;
}

std::string without(std::string from, const std::string& secret) {
  for (std::size_t at = 0; (at = from.find(secret, at)) != std::string::npos; at += hidden.size())
    from.replace(at, secret.size(), hidden);
  return from;
}

}  // namespace

bool names_a_secret(text name) {
  static constexpr std::array parts{text("password"), text("passwd"),     text("passphrase"),   text("secret"),
                                    text("token"),    text("credential"), text("apikey"),       text("api_key"),
                                    text("api-key"),  text("private"),    text("authorization")};
  static constexpr std::array ends{text("_key"), text("-key"), text(".key"), text("pwd"),   text("pass"),
                                   text("auth"), text("dsn"),  text("salt"), text("cookie")};
  const std::string small = lower(name);
  if (small == "pwd" || small == "oldpwd") return false;  // the shell's directories
  return std::any_of(parts.begin(), parts.end(), [&](text part) { return small.find(part) != std::string::npos; }) ||
         std::any_of(ends.begin(), ends.end(), [&](text end) {
           if (!small.ends_with(end)) return false;
           const std::size_t before = small.size() - end.size();
           return before == 0 || !is_word(end.front()) || end.front() == '_' || end.front() == '-' ||
                  std::string_view("_-.").find(small[before - 1]) != std::string_view::npos;
         });
}

void hide(text secret) {
  while (!secret.empty() && is_blank(secret.back())) secret.remove_suffix(1);
  const bool word = std::all_of(secret.begin(), secret.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (secret.size() < (word ? shortest_word : shortest_secret)) return;
  secrets().emplace(secret);
  const std::string quoted = docker::json(std::string(secret)).to_text();
  secrets().emplace(quoted.substr(1, quoted.size() - 2));
}

void hide_if_secret(text name, text value) {
  if (names_a_secret(name)) hide(value);
  for (std::size_t at = 0; (at = value.find("://", at)) != text::npos; at += 3)
    if (const span password = url_password(value, at); password.size > 0)
      hide(value.substr(password.begin, password.size));
}

void hide_secrets_in(const docker::json& document) {
  if (document.is_object()) {
    for (const auto& [name, value] : document.object_members()) {
      if (value.is_string()) hide_if_secret(name, value.as_string());
      hide_secrets_in(value);
    }
  } else if (document.is_array()) {
    for (const docker::json& item : document.elements()) hide_secrets_in(item);
  } else if (document.is_string()) {
    const std::string& assigned = document.as_string();
    const std::size_t equals = assigned.find('=');
    if (equals != std::string::npos)
      hide_if_secret(text(assigned).substr(0, equals), text(assigned).substr(equals + 1));
    else
      hide_if_secret("", assigned);
  }
}

void hide_credentials(const docker::json& docker_config) {
  hide_secrets_in(docker_config);
  const docker::json* all = docker_config.find("auths");
  if (all == nullptr || !all->is_object()) return;
  for (const auto& [registry, entry] : all->object_members()) {
    const docker::json* encoded = entry.find("auth");
    if (encoded == nullptr || !encoded->is_string()) continue;
    const std::string decoded = docker::decode_base64(encoded->as_string()).value_or("");
    const std::size_t colon = decoded.find(':');
    if (colon != std::string::npos) hide(text(decoded).substr(colon + 1));
  }
}

std::string redacted(text from) {
  std::string out(from);
  for (const std::string& secret : secrets()) out = without(std::move(out), secret);
  return without_shapes(std::move(out));
}

docker::json without_secrets(const docker::json& document) {
  if (document.is_string()) return redacted(document.as_string());
  docker::json out = document;
  if (out.is_array())
    for (docker::json& item : out.elements()) item = without_secrets(item);
  if (out.is_object())
    for (auto& [name, value] : out.object_members()) {
      name = redacted(name);
      value = without_secrets(value);
    }
  return out;
}

}  // namespace dockupd
