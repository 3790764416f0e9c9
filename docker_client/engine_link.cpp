#include "docker_client/engine_link.hpp"

#include <algorithm>
#include <stdexcept>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "docker_client/wire/exchange.hpp"

namespace docker {
namespace {

constexpr std::size_t largest_error_body = 1024 * 1024;   // moby's own client reads as much
constexpr std::size_t largest_answer = 64 * 1024 * 1024;  // a list of 40,000 containers

bool has(std::string_view text, char c) { return text.find(c) != std::string_view::npos; }
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_success(int status) { return status / 100 == 2 || status == 101 || status == 304; }

std::string encoded(std::string_view text, std::string_view kept) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || has("-._~", c) || has(kept, c);
    if (plain)
      out += c;
    else
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
  }
  return out;
}

enum class when_cut { fail, keep_what_came };

task<std::string> read_all(reply_stream& reply, std::size_t most, when_cut policy) {
  std::string out;
  std::vector<std::byte> buffer(64 * 1024);
  try {
    while (const std::size_t count = co_await reply.read_some(buffer)) {
      out.append(reinterpret_cast<const char*>(buffer.data()), count);
      if (out.size() <= most) continue;
      if (policy == when_cut::keep_what_came) break;
      throw error(error_kind::protocol, "the answer is larger than " + std::to_string(most / 1024 / 1024) + " MiB",
                  reply.line(), acted::answered);
    }
  } catch (const error& failure) {
    if (policy == when_cut::fail || failure.kind() == error_kind::cancelled) throw;
  }
  co_return out;
}

// An engine says who it is in every answer; a proxy in front of it does not.
bool is_engine(const reply_head& head) {
  return head.find("Api-Version") != nullptr || head.find("Libpod-Api-Version") != nullptr ||
         head.field("Server").starts_with("Docker/");
}

}  // namespace

std::string checked_name(std::string_view id_or_name) {
  if (id_or_name.starts_with('/')) id_or_name.remove_prefix(1);
  if (id_or_name.empty() || id_or_name == "." || id_or_name == "..")
    throw std::invalid_argument("an id or a name is needed, not \"" + std::string(id_or_name) + "\"");
  return std::string(id_or_name);
}

std::string path_part(std::string_view id_or_name) { return encoded(checked_name(id_or_name), ""); }

std::string image_path_part(std::string_view reference) {
  if (reference.empty() || reference.front() == '/' || has(reference, "//") || has(reference, ".."))
    throw std::invalid_argument("an image reference or id is needed, not \"" + std::string(reference) + "\"");
  return encoded(reference, "/:@");
}

query& query::add(std::string_view name, std::string_view value) {
  text_.append(text_.empty() ? "?" : "&").append(name).append("=").append(encoded(value, "/:@,"));
  return *this;
}
query& query::add_filled(std::string_view name, std::string_view value) {
  return value.empty() ? *this : add(name, value);
}
query& query::add_json(std::string_view name, const json& value) {
  return value.empty() ? *this : add(name, value.to_text());
}

void engine_call::set_body(const json& value) {
  body = value.to_text();
  fields.emplace_back("Content-Type", "application/json");
}

engine_call unversioned(std::string method, std::string path) {
  engine_call request(std::move(method), std::move(path));
  request.prefix = api_prefix::bare;
  return request;
}

void throw_refusal(const answer& refused) {
  std::string words = engine_message_of(refused.body);
  if (!is_engine(refused.head))
    words = words.empty() ? "nothing, and it does not look like an engine (a proxy?)"
                          : words + " (this does not look like an engine's answer: a proxy?)";
  throw error(refused.line, refused.status(), refused.head.reason, std::move(words));
}

void throw_unless(const answer& reply, std::initializer_list<int> expected) {
  if (std::ranges::find(expected, reply.status()) == expected.end()) throw_refusal(reply);
}

json body_of(const answer& reply) {
  try {
    return json::parse(reply.body);
  } catch (const json_error& failure) {
    throw error(error_kind::protocol,
                std::string("the answer is ") + failure.what() + ": " + printable(reply.body, 300), reply.line,
                acted::answered);
  }
}

std::string created_id(const answer& reply, const json& created) {
  const json* id = created.find("Id");
  if (id != nullptr && id->is_string() && !id->empty()) return id->as_string();
  throw error(error_kind::protocol, "the answer names no Id: " + printable(reply.body, 300), reply.line,
              acted::answered);
}

engine_link::engine_link(stream_factory dial, std::string base_path, client_options options)
    : pool_(std::make_shared<pool>(std::move(dial))), base_path_(std::move(base_path)), options_(std::move(options)) {
  if (!options_.pinned_api_version.empty()) version_ = parse_api_version(options_.pinned_api_version);
}

task<answer> engine_link::call(engine_call request) {
  outcome got = co_await converse(std::move(request));
  if (is_success(got.reply.head().status)) got.body = co_await read_all(got.reply, largest_answer, when_cut::fail);
  co_return answer(got.reply.head(), std::move(got.body), got.reply.line());
}

task<reply_stream> engine_link::open(engine_call request) {
  outcome got = co_await converse(std::move(request));
  if (!is_success(got.reply.head().status))
    throw_refusal(answer(got.reply.head(), std::move(got.body), got.reply.line()));
  co_return std::move(got.reply);
}

task<engine_link::outcome> engine_link::converse(engine_call request) {
  for (bool first = true;; first = false) {
    outcome got(co_await attempt(request), std::string());
    if (is_success(got.reply.head().status)) co_return got;
    got.body = co_await read_all(got.reply, largest_error_body, when_cut::keep_what_came);
    if (!first || !may_renegotiate(request, got)) co_return got;
    version_.reset();
  }
}

// Text or JSON, depending on which of the two it is: "client version 1.51 is too new. Maximum supported …".
bool engine_link::may_renegotiate(const engine_call& request, const outcome& refused) const {
  return refused.reply.head().status == 400 && request.prefix == api_prefix::versioned &&
         options_.pinned_api_version.empty() && has(refused.body, "client version") &&
         (has(refused.body, "too old") || has(refused.body, "too new"));
}

task<ping_result> engine_link::ping() {
  answer reply = co_await call(unversioned("HEAD", "/_ping"));
  // A refused HEAD has no body to say why, and some proxies let only GET through.
  if (reply.status() != 200) reply = co_await call(unversioned("GET", "/_ping"));
  throw_unless(reply, {200});
  co_return ping_result{reply.head.field("Api-Version"), reply.head.field("Ostype"),
                        reply.head.find("Libpod-Api-Version") != nullptr};
}

// Two tasks may ask at the same time; the answer is the same.
task<api_version> engine_link::negotiate() {
  if (version_) co_return *version_;
  const ping_result engine = co_await ping();
  const request_line line("GET", "/_ping");
  api_version theirs;
  try {
    theirs = parse_api_version(engine.api_version);
  } catch (const std::invalid_argument&) {
    throw error(error_kind::protocol, "the answer names no API version: it does not come from a Docker engine", line,
                acted::answered);
  }
  if (theirs < oldest_api)
    throw error(error_kind::protocol,
                "the engine speaks API " + engine.api_version + ", and " + to_text(oldest_api) +
                    " is the oldest that is supported: it has to be Docker 19.03 or newer",
                line, acted::answered);
  version_ = std::min(theirs, newest_api);
  co_return *version_;
}

task<std::string> engine_link::target_of(const engine_call& request) {
  if (request.prefix == api_prefix::bare) co_return base_path_ + request.path;
  const api_version version = co_await negotiate();
  co_return base_path_ + "/v" + to_text(version) + request.path;
}

task<reply_stream> engine_link::attempt(engine_call request) {
  const request_line line(request.method, request.path);
  http_request message;
  message.target = co_await target_of(request);
  message.method = request.method;
  message.fields = std::move(request.fields);
  message.body = std::move(request.body);
  const std::string bytes = to_bytes(message);
  const auto expected = request.method == "HEAD" ? reply_to::head_request : reply_to::any_other;
  const auto first_byte = request.first_byte.value_or(options_.first_byte);
  try {
    std::unique_ptr<byte_stream> connection = pool_->take_idle();
    bool reused = connection != nullptr;
    for (;; reused = false) {
      if (!reused) connection = co_await pool_->dial();
      auto conversation = std::make_unique<exchange>(std::move(connection), line);
      try {
        co_await conversation->send(bytes, expected, first_byte);
        podman_ = podman_ || conversation->head().find("Libpod-Api-Version") != nullptr;
        conversation->set_idle(request.idle.value_or(options_.idle));
        co_return reply_stream(std::move(conversation), pool_, line);
      } catch (const error& failure) {
        // A connection that died while it waited: the engine has seen nothing, or doing it twice is harmless.
        const bool again = reused && failure.kind() == error_kind::not_connected && !conversation->any_byte_came() &&
                           (request.is_safe() || conversation->write_failed());
        if (!again) throw;
      }
      pool_->forget_idle();
    }
  } catch (const error& failure) {
    throw failure.of(line, acted::no);
  } catch (const boost::system::system_error& failure) {
    // The cancellation was noticed between two steps.
    if (failure.code() != boost::asio::error::operation_aborted) throw;
    throw error(error_kind::cancelled, "cancelled before it was sent", line, acted::no);
  }
}

}  // namespace docker
