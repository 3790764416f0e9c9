// compose's own digests of services, networks and volumes: what it compares to decide whether to recreate.
#pragma once

#include <map>
#include <string>

#include "docker_client/json.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

/// Releases of compose that give the same hash for the same service. A container's version label does not tell which
/// one wrote its hash (distributions rebuild compose with other loaders): try them.
enum class hash_dialect {
  compose_2_24,   // 2.24 – 2.29.2: dependencies and profiles are in the hash
  compose_2_30,   // 2.30.2 – 2.40
  compose_5_0,    // 5.0.0, 5.0.1: `create_host_path` of bind mounts is written when false, not when true
  compose_5_0_2,  // 5.0.2 – 5.5: as 5.0, and it is true when not written
};
inline constexpr hash_dialect hash_dialects[] = {hash_dialect::compose_2_30, hash_dialect::compose_5_0_2,
                                                 hash_dialect::compose_5_0, hash_dialect::compose_2_24};

/// The text that is hashed: canonical JSON as Go writes it, without what compose takes away before. In `containers`
/// stands for each service the id of its first container: `network_mode`, `ipc`, `pid: service:X` and `volumes_from`
/// hold that id once the container exists. A service that is missing there stays written by name.
std::string service_hash_text(const service& s, hash_dialect dialect,
                              const std::map<std::string, std::string>& containers = {});

/// What is hashed, with services that are joined by name: for a hash that can only be told once their containers are
/// there. hash_of(hashed_document(s, d), containers) is service_hash(s, d, containers).
docker::json hashed_document(const service& s, hash_dialect dialect);
std::string hash_of(docker::json hashed, const std::map<std::string, std::string>& containers);

/// 64 hex digits: the value of the label com.docker.compose.config-hash. Where no file says what the service is, the
/// label that its first container is to bear.
std::string service_hash(const service& s, hash_dialect dialect,
                         const std::map<std::string, std::string>& containers = {});

/// For a container that gets another image while nobody has the files: the image is in the hash, so the old one is no
/// longer true, and the true one cannot be computed. This is none that any file gives: compose sees the container, and
/// its next `up` makes it what the files say. Empty when there was none: then compose has never seen it.
std::string hash_without_files(const std::string& old_hash, const std::string& image_reference);

/// As compose 2.31 – 2.40 labels networks, and 2.32 – 2.40 volumes. A wrong one harms (see create_body.hpp); write none
/// unless a running resource has proven the dialect.
std::string network_hash(const network& n);
std::string volume_hash(const volume& v);

/// Writes `create_host_path` of the service's bind mounts as releases of the dialect do: true, false or not at all.
void write_binds(docker::json& service, hash_dialect dialect);

/// encoding/json's text of the document: members in their order, < > & escaped. Indented: by two spaces.
enum class json_layout { compact, indented };
std::string go_json_text(const docker::json& document, json_layout layout = json_layout::compact);

}  // namespace orchestration
