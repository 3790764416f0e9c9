#include "docker_client/error.hpp"

#include <algorithm>
#include <array>

#include "docker_client/json.hpp"

namespace docker {
namespace {

// Values that may carry credentials: a build's arguments, a remote's or a plugin's URL, tokens.
constexpr std::array<std::string_view, 9> secret_parameters = {
    "auth", "authconfig", "buildargs", "fromSrc", "password", "registry_auth", "remote", "secret", "token"};

std::string without_secrets(std::string_view target) {
  const auto question = target.find('?');
  if (question == std::string_view::npos) return std::string(target);
  std::string out(target.substr(0, question));
  char separator = '?';
  for (std::string_view rest = target.substr(question + 1); !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::string_view name = pair.substr(0, pair.find('='));
    out += separator;
    if (std::ranges::find(secret_parameters, name) != secret_parameters.end())
      out.append(name).append("=(removed)");
    else
      out.append(pair);
    separator = '&';
  }
  return out;
}

std::string with_request(const request_line& line, const std::string& reason) {
  if (line.method.empty()) return reason;
  return line.method + " " + line.path + ": " + reason;
}

std::string refusal(int status, const std::string& reason_phrase, const std::string& engine_message) {
  std::string out = std::to_string(status);
  if (!reason_phrase.empty()) out += " " + printable(reason_phrase, 80);
  if (!engine_message.empty()) out += ": engine says: " + engine_message;
  return out;
}

// The length of the well-formed UTF-8 character at the start of `text`; 0: none.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xC2 ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  return length;
}

bool is_control(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  const bool c1 = lead == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;  // terminals obey these as escapes
  return lead < 0x20 || lead == 0x7F || c1;
}

}  // namespace

request_line::request_line(std::string_view method_name, std::string_view target)
    : method(method_name), path(without_secrets(target)) {}

error::error(error_kind kind, std::string reason)
    : std::runtime_error(reason), kind_(kind), reason_(std::move(reason)) {}

error::error(error_kind kind, std::string reason, request_line line, docker::acted how_far)
    : std::runtime_error(with_request(line, reason)),
      kind_(kind),
      reason_(std::move(reason)),
      line_(std::move(line)),
      acted_(how_far) {}

error::error(request_line line, int status, std::string reason_phrase, std::string engine_message)
    : error(error_kind::refused_by_engine, refusal(status, reason_phrase, engine_message), std::move(line),
            docker::acted::answered) {
  status_ = status;
  engine_message_ = std::move(engine_message);
}

error error::of(const request_line& line, docker::acted how_far) const {
  if (!line_.method.empty()) return *this;
  error out(kind_, reason_, line, how_far);
  out.status_ = status_;
  out.engine_message_ = engine_message_;
  return out;
}

error error::in_stream(const request_line& line, int status, std::string engine_message) {
  error out(error_kind::in_stream, "engine says: " + engine_message, line, docker::acted::answered);
  out.status_ = status;
  out.engine_message_ = std::move(engine_message);
  return out;
}

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  bool gap = false;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(character.size());
    if (length != 0 && (is_control(character) || character == " ")) {
      gap = !out.empty();
      continue;
    }
    const std::string_view shown = length == 0 ? std::string_view("?") : character;
    if (out.size() + shown.size() + (gap ? 1 : 0) > most) return out + "…";
    if (gap) out += ' ';
    gap = false;
    out += shown;
  }
  return out;
}

std::string engine_message_of(std::string_view body) {
  constexpr std::size_t longest_message = 4096;  // a runtime's failure at start can be several lines
  constexpr std::size_t longest_quote = 300;
  try {
    const json answer = json::parse(body);
    const std::string message = answer.string_at({"message"});
    if (!message.empty()) return printable(message, longest_message);
  } catch (const json_error&) {
    // Text of an old engine or a proxy: quoted below.
  }
  return printable(body, longest_quote);
}

}  // namespace docker
