// What must never be shown. Secrets reach dockupd in environments, labels and credentials, and come back in log lines
// of containers and in words of engines and registries; every text on its way out passes redacted().
#pragma once

#include <string>
#include <string_view>

#include "docker_client/json.hpp"

namespace dockupd {

/// What stands in a secret's place.
inline constexpr std::string_view hidden = "[hidden]";

/// Whether a variable, label or option of that name holds a secret: DB_PASSWORD, API_KEY, github-token, …
bool names_a_secret(std::string_view name);

/// From now on this very text is hidden wherever it stands, also as JSON writes it. Not when it is shorter than six
/// bytes, or a plain word shorter than twelve: it would hide what is no secret.
void hide(std::string_view secret);

/// hide() for `value` when the name says so, and for a password within a URL whatever the name.
void hide_if_secret(std::string_view name, std::string_view value);

/// hide_if_secret() for every member with a text and every "NAME=VALUE" in it, to any depth: create bodies, projects.
void hide_secrets_in(const docker::json& document);

/// The passwords and tokens in a docker config.json, as they stand there and decoded.
void hide_credentials(const docker::json& docker_config);

/// The text without what was hidden, and without what has the shape of a secret: the password of a URL, "Bearer …",
/// "password=…" and the like, AWS key ids, JSON web tokens, PEM private keys.
std::string redacted(std::string_view text);
/// The same for every text in the document, the names of its members too.
docker::json without_secrets(const docker::json& document);

}  // namespace dockupd
