#include "orchestration/project/override_file.hpp"

#include "orchestration/project/load.hpp"
#include "orchestration/project/pin.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {
namespace {

constexpr const char* heading =
    "# Images that `dockupd update --pin override` set. docker compose reads this file after the compose file.\n";

[[noreturn]] void refuse(const std::string& file, const std::string& service, const std::string& image,
                         const std::string& why) {
  const std::string line = image.empty() ? "remove the image of service " + service
                                         : "write there by hand, below services: " + service + ":, image: " + image;
  throw pin_refused(file + ": " + why + ", which dockupd does not edit. Either " + line +
                    ", or update with --pin none, which writes nothing");
}

/// The text of an image as a scalar, in the quotes that stood there.
std::string written(const std::string& image, yaml_writing how) {
  if (how == yaml_writing::single_quoted) return "'" + image + "'";
  const bool is_text = std::holds_alternative<std::string>(plain_scalar(image));
  return how == yaml_writing::double_quoted || !is_text ? "\"" + image + "\"" : image;
}

std::string written_key(const std::string& name) {
  return std::holds_alternative<std::string>(plain_scalar(name)) ? name : "\"" + name + "\"";
}

struct found_places {
  const outline_node* root = nullptr;
  const outline_member* services = nullptr;
  const outline_member* service = nullptr;
  const outline_member* image = nullptr;
};

class editor {
 public:
  editor(std::string text, const std::string& service, const std::string& image, const std::string& file)
      : text_(std::move(text)), service_(service), image_(image), file_(file), documents_(outline_yaml(text_, file)) {
    if (documents_.size() > 1) fail("it holds several documents");
    if (!documents_.empty() && !documents_.front().is_nothing()) find();
  }

  std::string with_image() {
    while (take_empty_braces_out()) {
    }
    if (at_.root == nullptr)
      append(text_.size(), "services:", 0, {service_line(), image_line()});
    else if (at_.services == nullptr)
      append(at_.root->end, "services:", at_.root->column, {service_line(), image_line()});
    else if (at_.services->value.is_nothing())
      append(at_.services->key.end, service_line(), at_.services->key.column + 2, {image_line()});
    else if (at_.service == nullptr)
      append(at_.services->value.end, service_line(), at_.services->value.column, {image_line()});
    else if (at_.service->value.is_nothing())
      append(at_.service->key.end, image_line(), at_.service->key.column + 2, {});
    else if (at_.image == nullptr)
      insert_before(at_.service->value, image_line());
    else
      replace_scalar();
    return std::move(text_);
  }

  /// Comments stay; a service or services that hold nothing any more go, where no comment is about them.
  std::optional<std::string> without_image() {
    if (at_.image == nullptr) return std::move(text_);
    const bool only_image = at_.service->value.members.size() == 1;
    const bool only_service = at_.services->value.members.size() == 1;
    const bool only_services = at_.root->members.size() == 1;
    const std::size_t end = line_end(at_.image->value.end);
    const bool remark = has_comment(at_.image->value.end, end);
    if (remark || !only_image || has_comment(at_.service->key.end, at_.image->key.begin)) {
      if (remark)
        text_.erase(at_.image->key.begin, text_.find('#', at_.image->value.end) - at_.image->key.begin);
      else
        remove_lines(at_.image->key.begin, end);
      if (only_image) make_empty(at_.service->key);
    } else if (!only_service || has_comment(at_.services->key.end, at_.service->key.begin)) {
      remove_lines(at_.service->key.begin, end);
      if (only_service) make_empty(at_.services->key);
    } else if (!only_services) {
      remove_lines(at_.services->key.begin, end);
    } else {
      const bool is_ours = text_.starts_with(heading) && at_.services->key.begin == std::string(heading).size();
      if (is_ours && end == text_.size()) return std::nullopt;
      remove_lines(at_.service->key.begin, end);
      make_empty(at_.services->key);
    }
    return std::move(text_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { refuse(file_, service_, image_, why); }

  void check_block(const outline_node& node, const std::string& name) const {
    if (node.how == yaml_writing::alias) fail(name + " is an alias");
    if (node.marked) fail(name + " has an anchor or a tag");
    if (is_empty_braces(node)) return;
    if (node.how == yaml_writing::flow) fail(name + " is written in braces");
    if (node.how != yaml_writing::block && !node.is_nothing()) fail(name + " is no mapping");
  }

  void find() {
    at_.root = &documents_.front();
    check_block(*at_.root, "the file");
    at_.services = at_.root->find("services");
    if (at_.services == nullptr) return;
    check_block(at_.services->value, "services");
    if (at_.services->value.find("<<") != nullptr) fail("services has a merge key");
    at_.service = at_.services->value.find(service_);
    if (at_.service == nullptr) return;
    check_block(at_.service->value, "services." + service_);
    at_.image = at_.service->value.find("image");
    if (at_.image == nullptr) return;
    const outline_node& value = at_.image->value;
    const std::string name = "services." + service_ + ".image";
    if (value.how == yaml_writing::alias) fail(name + " is an alias");
    if (value.marked) fail(name + " has an anchor or a tag");
    if (value.how == yaml_writing::block || value.how == yaml_writing::flow || value.how == yaml_writing::block_text)
      fail(name + " is not written as one word");
    if (value.text.find('$') != std::string::npos) fail(name + " has a variable (" + value.text + ")");
  }

  /// "{}", which dockupd leaves behind itself where nothing else would be.
  bool is_empty_braces(const outline_node& node) const {
    return node.how == yaml_writing::flow && node.members.empty() && text_[node.begin] == '{' &&
           !has_comment(node.begin, node.end);
  }

  /// So that what is nothing can be written in lines. Whether there was one.
  bool take_empty_braces_out() {
    for (const outline_node* node : {at_.root, at_.services == nullptr ? nullptr : &at_.services->value,
                                     at_.service == nullptr ? nullptr : &at_.service->value}) {
      if (node == nullptr || !is_empty_braces(*node)) continue;
      const bool ends_line = text_.find_first_not_of(" \t\r", node->end) == text_.find('\n', node->end);
      std::size_t begin = node->begin;
      const std::size_t least = ends_line || begin == 0 ? 0 : begin - 1;  // before a comment, the blank of its own
      while (begin > least && text_[begin - 1] == ' ') --begin;
      text_.erase(begin, node->end - begin);
      documents_ = outline_yaml(text_, file_);
      at_ = {};
      if (!documents_.empty() && !documents_.front().is_nothing()) find();
      return true;
    }
    return false;
  }

  /// Between two scalars, where a "#" is nothing else.
  bool has_comment(std::size_t begin, std::size_t end) const { return text_.find('#', begin) < end; }

  /// From the one that holds `begin` to before `end`. The file keeps ending as it did.
  void remove_lines(std::size_t begin, std::size_t end) {
    begin = line_begin(begin);
    const bool cuts_end = end == text_.size() && !text_.ends_with('\n') && begin > 0;
    text_.erase(begin, end - begin);
    if (cuts_end) text_.erase(text_.ends_with("\r\n") ? text_.size() - 2 : text_.size() - 1);
  }

  void make_empty(const outline_node& key) { text_.insert(text_.find(':', key.end) + 1, " {}"); }

  std::string service_line() const { return written_key(service_) + ":"; }
  std::string image_line() const { return "image: " + written(image_, yaml_writing::plain); }
  std::string line_break() const { return text_.find("\r\n") == std::string::npos ? "\n" : "\r\n"; }
  std::size_t line_begin(std::size_t at) const {
    const std::size_t found = at == 0 ? std::string::npos : text_.rfind('\n', at - 1);
    return found == std::string::npos ? 0 : found + 1;
  }
  std::size_t line_end(std::size_t at) const {  // behind its line break
    const std::size_t found = text_.find('\n', at);
    return found == std::string::npos ? text_.size() : found + 1;
  }

  /// Lines behind the one that holds `at`, each of `below` two columns further in than the one before.
  void append(std::size_t at, const std::string& first, int column, const std::vector<std::string>& below) {
    std::string lines = std::string(static_cast<std::size_t>(column), ' ') + first;
    for (const std::string& each : below)
      lines += line_break() + std::string(static_cast<std::size_t>(column += 2), ' ') + each;
    const std::size_t end = line_end(at);
    const bool open_end = end == text_.size() && !text_.empty() && !text_.ends_with('\n');
    text_.insert(end, open_end ? line_break() + lines : lines + line_break());
  }

  void insert_before(const outline_node& mapping, const std::string& line) {
    const std::size_t begin = line_begin(mapping.begin);
    // As it is indented: no tab can stand there.
    text_.insert(begin, text_.substr(begin, mapping.begin - begin) + line + line_break());
  }

  void replace_scalar() {
    const outline_node& old = at_.image->value;
    const std::string value = written(image_, old.how);
    if (old.is_nothing())
      text_.insert(text_.find(':', at_.image->key.end) + 1, " " + value);
    else
      text_.replace(old.begin, old.end - old.begin, value);
  }

  std::string text_;
  const std::string& service_;
  const std::string& image_;
  const std::string& file_;
  std::vector<outline_node> documents_;
  found_places at_;
};

yaml_node meaning_of(const std::string& text, const std::string& file) {
  const std::vector<yaml_document> all = parse_yaml(text, file);
  return all.empty() ? yaml_node() : all.front().root;
}

/// All but that image, and what would hold nothing but it.
yaml_node without(yaml_node root, const std::string& service) {
  if (root.is_null()) root = make_node(yaml_node::mapping(), {});
  yaml_node* services = root.find("services");
  yaml_node* at = services == nullptr ? nullptr : services->find(service);
  if (at != nullptr) at->erase("image");
  if (at != nullptr && at->members().empty() && (at->is_mapping() || at->is_null())) services->erase(service);
  if (services != nullptr && services->members().empty()) root.erase("services");
  return root;
}

/// Whatever the layout was: the edited text has to mean what it meant before, but for the image.
void prove(const std::string& before, const std::string& after, const std::string& service, const std::string& image,
           const std::string& file) {
  const bool is_set = override_image(after, service).value_or("") == image;
  if (!is_set || !(without(meaning_of(before, file), service) == without(meaning_of(after, file), service)))
    refuse(file, service, image, "it is laid out in an unusual way");
}

}  // namespace

std::optional<std::string> override_image(const std::string& text, const std::string& service) {
  std::optional<std::string> out;
  for (const yaml_document& document : parse_yaml(text, "")) {
    const yaml_node* at = document.root.find("services");
    at = at == nullptr ? nullptr : at->find(service);
    at = at == nullptr ? nullptr : at->find_set("image");
    if (at != nullptr) out = value_text(*at);
  }
  return out;
}

std::string with_override_image(const std::optional<std::string>& text, const std::string& service,
                                const std::string& image, const std::string& file) {
  if (!text)
    return heading + std::string("services:\n  ") + written_key(service) +
           ":\n    image: " + written(image, yaml_writing::plain) + "\n";
  if (override_image(*text, service) == image) return *text;
  std::string after = editor(*text, service, image, file).with_image();
  prove(*text, after, service, image, file);
  return after;
}

std::optional<std::string> without_override_image(const std::string& text, const std::string& service,
                                                  const std::string& file) {
  const std::string none;
  std::optional<std::string> after = editor(text, service, none, file).without_image();
  if (after) prove(text, *after, service, none, file);
  return after;
}

}  // namespace orchestration
