#include "docker_client/image_reference.hpp"

#include <algorithm>

namespace docker {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '_'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

[[noreturn]] void refuse(std::string_view text, const std::string& reason) {
  throw image_reference_error("\"" + std::string(text) + "\" is no image reference: " + reason);
}

// path-component of the grammar: letters and digits, parted by one ".", one or two "_", or any number of "-".
bool is_path_component(std::string_view part) {
  const auto plain = [](char c) { return is_lower(c) || is_digit(c); };
  if (part.empty() || !plain(part.front()) || !plain(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (plain(part[i])) {
      ++i;
      continue;
    }
    const std::size_t end = std::min(part.find_first_not_of(part[i], i), part.size());
    const std::size_t longest = part[i] == '.' ? 1 : part[i] == '_' ? 2 : part[i] == '-' ? part.size() : 0;
    if (end - i > longest || (end < part.size() && !plain(part[end]))) return false;
    i = end;
  }
  return true;
}

bool is_host(std::string_view host) {
  if (host.starts_with('['))
    return host.ends_with(']') && host.size() > 4 && std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
             return is_hex(c) || is_upper(c) || c == ':';
           });
  const auto allowed = [](char c) { return (is_word(c) && c != '_') || c == '-' || c == '.'; };
  const auto border = [](char c) { return c == '-' || c == '.'; };
  return !host.empty() && std::ranges::all_of(host, allowed) && !border(host.front()) && !border(host.back()) &&
         host.find("..") == std::string_view::npos && host.find(".-") == std::string_view::npos &&
         host.find("-.") == std::string_view::npos;
}

bool is_registry(std::string_view text) {
  const auto colon = text.find(':', text.starts_with('[') ? text.find(']') : 0);
  if (colon == std::string_view::npos) return is_host(text);
  const auto port = text.substr(colon + 1);
  return is_host(text.substr(0, colon)) && !port.empty() && port.size() <= 5 && std::ranges::all_of(port, is_digit);
}

bool is_tag(std::string_view tag) {
  constexpr std::size_t longest = 128;
  return !tag.empty() && tag.size() <= longest && is_word(tag.front()) &&
         std::ranges::all_of(tag, [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_digest(std::string_view digest) {
  const auto colon = digest.find(':');
  if (colon == std::string_view::npos) return false;
  const auto hex = digest.substr(colon + 1);
  const std::string_view algorithm = digest.substr(0, colon);
  const std::size_t length = algorithm == "sha256" ? 64 : algorithm == "sha384" ? 96 : algorithm == "sha512" ? 128 : 0;
  return hex.size() == length && length != 0 && std::ranges::all_of(hex, is_hex);
}

bool is_id(std::string_view name) { return name.size() == 64 && std::ranges::all_of(name, is_hex); }

// The first part of a path names a registry only when it cannot be a user's name on Docker Hub.
bool looks_like_registry(std::string_view first) {
  return first.find_first_of(".:[") != std::string_view::npos || first == "localhost" ||
         std::ranges::any_of(first, is_upper);
}

void check_repository(std::string_view text, std::string_view repository) {
  if (repository.empty()) refuse(text, "the repository's name is missing");
  for (std::string_view rest = repository;;) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (std::ranges::any_of(part, is_upper)) refuse(text, "the repository's name must be in lower case");
    if (!is_path_component(part))
      refuse(text, "\"" + std::string(part) + "\" may hold a-z, 0-9, and single separators between them");
    if (part.size() == rest.size()) break;
    rest.remove_prefix(part.size() + 1);
  }
}

}  // namespace

image_reference image_reference::parse(std::string_view text) {
  constexpr std::size_t longest_name = 255;
  image_reference out;
  std::string_view name = text;
  if (const auto at = name.find('@'); at != std::string_view::npos) {
    out.digest_ = name.substr(at + 1);
    name = name.substr(0, at);
    if (!is_digest(out.digest_)) refuse(text, "the digest after \"@\" must be sha256: and 64 hex digits");
  }
  const auto slash = name.rfind('/');
  const auto colon = name.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    out.tag_ = name.substr(colon + 1);
    name = name.substr(0, colon);
    if (!is_tag(out.tag_))
      refuse(text, "the tag \"" + out.tag_ +
                       "\" must be 1 to 128 of A-Z, a-z, 0-9, \"_\", \".\", \"-\", and not begin with . or -");
  }
  if (is_id(name)) refuse(text, "it is an image's id");

  const auto first = name.substr(0, name.find('/'));
  const bool has_registry = first.size() < name.size() && looks_like_registry(first);
  out.registry_ = has_registry ? first : std::string_view("docker.io");
  out.repository_ = has_registry ? name.substr(first.size() + 1) : name;
  if (has_registry && !is_registry(first))
    refuse(text, "\"" + std::string(first) + "\" is no registry (host or host:port)");
  check_repository(text, out.repository_);
  if (out.registry_ == "index.docker.io") out.registry_ = "docker.io";
  if (out.registry_ == "docker.io" && out.repository_.find('/') == std::string::npos)
    out.repository_.insert(0, "library/");
  if (out.canonical_name().size() > longest_name) refuse(text, "the name is longer than 255 characters");
  return out;
}

std::string image_reference::familiar_name() const {
  if (registry_ != "docker.io") return canonical_name();
  constexpr std::string_view official = "library/";
  if (repository_.starts_with(official) && repository_.find('/', official.size()) == std::string::npos) {
    std::string alone = repository_.substr(official.size());
    return is_id(alone) ? repository_ : alone;
  }
  // "docker.io/ghcr.io/x" without its registry would be another registry's.
  return looks_like_registry(std::string_view(repository_).substr(0, repository_.find('/'))) ? canonical_name()
                                                                                             : repository_;
}

std::string image_reference::canonical_name() const { return registry_ + "/" + repository_; }

namespace {
std::string with_suffixes(std::string name, const std::string& tag, const std::string& digest) {
  if (!tag.empty()) name.append(":").append(tag);
  if (!digest.empty()) name.append("@").append(digest);
  return name;
}
}  // namespace

std::string image_reference::familiar() const { return with_suffixes(familiar_name(), tag_, digest_); }
std::string image_reference::canonical() const { return with_suffixes(canonical_name(), tag_, digest_); }

image_reference image_reference::with_tag(std::string_view tag) const {
  if (!tag.empty() && !is_tag(tag)) refuse(familiar_name() + ":" + std::string(tag), "the tag is not valid");
  image_reference out = *this;
  out.tag_ = tag;
  out.digest_.clear();
  return out;
}

image_reference image_reference::with_digest(std::string_view digest) const {
  if (!digest.empty() && !is_digest(digest))
    refuse(familiar_name() + "@" + std::string(digest), "the digest must be sha256: and 64 hex digits");
  image_reference out = *this;
  out.digest_ = digest;
  return out;
}

image_reference image_reference::with_default_tag() const {
  return tag_.empty() && digest_.empty() ? with_tag("latest") : *this;
}

}  // namespace docker
