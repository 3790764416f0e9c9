#include "orchestration/project/pin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orchestration {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// --- rewriting ---

struct edit {
  const char* why;
  const char* before;
  const char* value;
  const char* after;
};
void PrintTo(const edit& e, std::ostream* out) { *out << e.why; }

constexpr const char* bom = "\xEF\xBB\xBF";

// TAG is set in each.
const edit edits[] = {
    {"the only line", "TAG=v1\n", "v2", "TAG=v2\n"},
    {"one line among others", "A=1\nTAG=v1\nB=2\n", "v2", "A=1\nTAG=v2\nB=2\n"},
    {"no newline at the end stays so", "A=1\nTAG=v1", "v2", "A=1\nTAG=v2"},
    {"export and spacing stay", "  export  TAG = v1  \nB=2\n", "v2", "  export  TAG = v2  \nB=2\n"},
    {"a tab after the separator stays", "TAG=\tv1\n", "v2", "TAG=\tv2\n"},
    {"double quotes stay", "TAG=\"v1\"\n", "v2", "TAG=\"v2\"\n"},
    {"single quotes stay", "TAG='v1'\n", "v2", "TAG='v2'\n"},
    {"a comment stays", "TAG=v1 # pinned by ops\n", "v2", "TAG=v2 # pinned by ops\n"},
    {"a comment behind spaces stays", "TAG=v1    # pinned\n", "v2", "TAG=v2    # pinned\n"},
    {"a comment behind any spacing stays one", "TAG=v1\xC2\xA0  # pinned\n", "", "TAG=\"\"\xC2\xA0  # pinned\n"},
    {"a comment behind quotes stays", "TAG=\"v1\"  # old = 'v0'\n", "v2", "TAG=\"v2\"  # old = 'v0'\n"},
    {"a # inside a word is no comment", "TAG=v1#x\n", "v2", "TAG=v2\n"},
    {"commented assignments are not touched", "# TAG=v0\n#TAG=v0\nTAG=v1\n", "v2", "# TAG=v0\n#TAG=v0\nTAG=v2\n"},
    {"CRLF stays", "A=1\r\nTAG=v1\r\nB=2\r\n", "v2", "A=1\r\nTAG=v2\r\nB=2\r\n"},
    {"an empty value before CRLF", "TAG=\r\nB=2\r\n", "v2", "TAG=v2\r\nB=2\r\n"},
    {"an empty value", "TAG=\nB=2\n", "v2", "TAG=v2\nB=2\n"},
    {"an empty value at the end", "TAG=", "v2", "TAG=v2"},
    {"an empty value in quotes", "TAG=\"\"\n", "v2", "TAG=\"v2\"\n"},
    {"of duplicates the last, which wins", "TAG=v0\nA=1\nTAG=v1\nB=2\n", "v2", "TAG=v0\nA=1\nTAG=v2\nB=2\n"},
    {"a longer name is another variable", "TAG=v1\nTAG_OLD=v0\nMY_TAG=v0\n", "v2", "TAG=v2\nTAG_OLD=v0\nMY_TAG=v0\n"},
    {"names differ by case", "tag=v0\nTAG=v1\n", "v2", "tag=v0\nTAG=v2\n"},
    {"the colon form stays", "TAG: v1\n", "v2", "TAG: v2\n"},
    {"the colon form without space stays", "TAG:v1\n", "v2", "TAG:v2\n"},
    {"lines inside a quoted value are not assignments", "A=\"one\nTAG=not this\ntwo\"\nTAG=v1\n", "v2",
     "A=\"one\nTAG=not this\ntwo\"\nTAG=v2\n"},
    {"a quoted value of several lines is replaced whole", "TAG='one\ntwo' # c\nB=2\n", "v2", "TAG='v2' # c\nB=2\n"},
    {"an escaped quote does not end the value", "TAG=\"a\\\"b\" # c\n", "v2", "TAG=\"v2\" # c\n"},
    {"added when absent", "A=1\n", "v2", "A=1\nTAG=v2\n"},
    {"added behind a line without end", "A=1", "v2", "A=1\nTAG=v2\n"},
    {"added with the file's line ends", "A=1\r\nB=2", "v2", "A=1\r\nB=2\r\nTAG=v2\r\n"},
    {"added to an empty file", "", "v2", "TAG=v2\n"},
    {"added to a file of comments", "# settings", "v2", "# settings\nTAG=v2\n"},
    {"a bare name inherits and is left alone", "TAG\nA=1\n", "v2", "TAG\nA=1\nTAG=v2\n"},
    {"a reference is replaced", "BASE=v1\nTAG=${BASE}-slim\n", "v2", "BASE=v1\nTAG=v2\n"},
    {"a note behind = stays a note", "TAG= # which version\n", "v2", "TAG=v2 # which version\n"},
    {"a note behind : stays a note", "TAG: # which version\n", "v2", "TAG: v2 # which version\n"},
    {"a digest needs no quotes", "TAG=v1\n", "1.2@sha256:0123abcd", "TAG=1.2@sha256:0123abcd\n"},
    {"a space needs quotes", "TAG=v1 # c\n", "a b", "TAG=\"a b\" # c\n"},
    {"a hash needs quotes", "TAG=v1\n", "#1", "TAG=\"#1\"\n"},
    {"a dollar is escaped", "TAG=v1\n", "a$B", "TAG=\"a\\$B\"\n"},
    {"a dollar is literal in single quotes", "TAG='v1'\n", "a$B", "TAG='a$B'\n"},
    {"single quotes give way to double ones", "TAG='v1'\n", "it's", "TAG=\"it's\"\n"},
    {"a line break is escaped", "TAG=\"v1\"\n", "a\nb", "TAG=\"a\\nb\"\n"},
    {"nothing before a comment is quoted", "TAG=v1 # c\n", "", "TAG=\"\" # c\n"},
    {"nothing needs no quotes elsewhere", "TAG=v1\n", "", "TAG=\n"},
    {"other text stays, odd as it is", "\n\n =odd\nK[0]=x\nA.b-c: d\nTAG=v1\n\n\n", "v2",
     "\n\n =odd\nK[0]=x\nA.b-c: d\nTAG=v2\n\n\n"},
    {"what follows closing quotes stays", "TAG=\"v1\"x\n", "v2", "TAG=\"v2\"x\n"},
    {"the same value changes nothing", "TAG='v2'   # as is\n", "v2", "TAG='v2'   # as is\n"},
    {"the same value after escapes changes nothing", "TAG=\"v\\0062\"\n", "v2", "TAG=\"v\\0062\"\n"},
    {"the same value behind a doubled dollar changes nothing", "TAG=v$$B\n", "v$B", "TAG=v$$B\n"},
    {"a reference that looks the same is not the same", "TAG=v$B\n", "v$B", "TAG=\"v\\$B\"\n"},
};

class Rewrite : public testing::TestWithParam<edit> {};

TEST_P(Rewrite, ChangesThatValueOnly) {
  const edit& e = GetParam();
  EXPECT_EQ(rewrite_env_value(e.before, "TAG", e.value), e.after);
}
TEST_P(Rewrite, KeepsAByteOrderMark) {
  const edit& e = GetParam();
  EXPECT_EQ(rewrite_env_value(bom + std::string(e.before), "TAG", e.value), bom + std::string(e.after));
}
TEST_P(Rewrite, TwiceIsOnce) {
  const edit& e = GetParam();
  EXPECT_EQ(rewrite_env_value(e.after, "TAG", e.value), e.after);
}
TEST_P(Rewrite, IsReadBack) {
  const edit& e = GetParam();
  EXPECT_EQ(read_env_value(e.after, "TAG"), e.value);
}
TEST_P(Rewrite, TakesAnyValue) {
  for (const char* value :
       {"",       "v1",         " ",        "a b",        "a # b",      "#",       "'",     "\"",          "\\",
        "\\\\",   "$",          "$$",       "$A",         "${A:-b}",    "\\$A",    "\\\"",  "a\nb",        "a\r\nb",
        "\t",     "é",          "=",        "==",         ":",          "`id`",    "$(id)", "a'b\"c\\d$e", "\\n",
        "\\0101", "ends in \\", "'quoted'", "\"quoted\"", "export A=1", "\xC2\xA0"}) {
    SCOPED_TRACE(value);
    const std::string once = rewrite_env_value(GetParam().before, "TAG", value);
    EXPECT_EQ(read_env_value(once, "TAG"), value) << once;
    EXPECT_EQ(rewrite_env_value(once, "TAG", value), once);
  }
}
INSTANTIATE_TEST_SUITE_P(EnvText, Rewrite, testing::ValuesIn(edits));

TEST(EnvText, RefusesWhatComposeRefusesToRead) {
  const auto reason = [](const char* text) -> std::string {
    try {
      rewrite_env_value(text, "TAG", "v2");
    } catch (const pin_error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(reason("A=1\nB=\"open\nTAG=v1\n"), "line 2 opens a quote that is never closed");
  EXPECT_EQ(reason("A B=1\n"), "line 1 has a space in the name");
  EXPECT_EQ(reason("TAG=v1\n\"x\"=1\n"), "line 2 is not NAME=value");
}

TEST(EnvText, RefusesNamesThatCannotBeSet) {
  for (const char* name : {"", "1A", "A B", "A=B", "A-B"})
    EXPECT_THROW(rewrite_env_value("", name, "x"), pin_error) << name;
}

TEST(EnvText, ReadsAsComposeDoes) {
  EXPECT_EQ(read_env_value("K=v1\nK=v2\n", "K"), "v2");
  EXPECT_EQ(read_env_value("K=\"a\\nb\"\n", "K"), "a\nb");
  EXPECT_EQ(read_env_value("K='a\\nb'\n", "K"), "a\\nb");
  EXPECT_EQ(read_env_value("K='a\\'b'\n", "K"), "a'b");
  EXPECT_EQ(read_env_value("K=$$S\n", "K"), "$S");
  EXPECT_EQ(read_env_value("K=\"\\$S\"\n", "K"), "$S");
  EXPECT_EQ(read_env_value("K=\"\\x41\\0101\"\n", "K"), "\\x41A");
  EXPECT_EQ(read_env_value("K=a\"b\"\n", "K"), "a\"b\"");
  EXPECT_EQ(read_env_value("K= # note\n", "K"), "# note");
  EXPECT_EQ(read_env_value("K={\"a\":\"b\"}\n", "K"), "{\"a\":\"b\"}");
  EXPECT_EQ(read_env_value("K=a b  \n", "K"), "a b");
  EXPECT_EQ(read_env_value("K=\xC2\xA0v1\xC2\xA0\n", "K"), "v1");  // U+00A0 around it
  EXPECT_EQ(read_env_value("\xC2\xA0K=v1\n", "K"), "v1");
  EXPECT_EQ(read_env_value("K=\"\\0189\"\n", "K"), "\\0189");  // no octal number
  EXPECT_EQ(read_env_value("K\n", "K"), std::nullopt);
  EXPECT_EQ(read_env_value("#K=1\n", "K"), std::nullopt);
}

// --- where a tag comes from ---

service service_with_image(const std::string& name, const std::string& image) {
  service out;
  out.name = name;
  out.image_template = image;
  out.image_place = {"/srv/shop/compose.yaml", 4, 12};
  return out;
}

project project_with(const std::vector<std::pair<std::string, std::string>>& images) {
  project out;
  out.name = "shop";
  out.working_dir = "/srv/shop";
  for (const auto& [name, image] : images) out.services[name] = service_with_image(name, image);
  return out;
}

void set(project& p, const std::string& name, variable_source source, const std::string& file = {}) {
  variable_origin& origin = p.variables[name];
  origin.name = name;
  origin.value = "v1";
  origin.source = source;
  origin.where = {file, 2, 1};
}

tag_source source_of(const std::string& image) { return find_tag_source({}, service_with_image("web", image)); }

TEST(TagSource, IsALiteralTag) {
  for (const char* image : {"shop/web:v1", "localhost:5000/web:v1", "${REGISTRY}/web:v1", "host:${PORT}/shop/web:v1"}) {
    EXPECT_EQ(source_of(image).form, tag_form::literal) << image;
    EXPECT_EQ(source_of(image).literal, "v1") << image;
  }
}

TEST(TagSource, IsNoneWithoutATag) {
  for (const char* image : {"", "shop/web", "localhost:5000/web", "shop/web@sha256:0123", "shop/web:v1@sha256:0123"})
    EXPECT_EQ(source_of(image).form, tag_form::none) << image;
}

TEST(TagSource, IsOneVariableInTheTag) {
  for (const char* image :
       {"shop/web:$TAG", "shop/web:${TAG}", "shop/web:${TAG:-v1}", "shop/web:${TAG-v1}", "shop/web:${TAG:?set it}",
        "shop/web:${TAG:-${OTHER:-a/b:c}}", "${REGISTRY:-localhost:5000}/web:${TAG}", "localhost:5000/web:${TAG}"}) {
    EXPECT_EQ(source_of(image).form, tag_form::variable) << image;
    EXPECT_EQ(source_of(image).variable, "TAG") << image;
    EXPECT_EQ(source_of(image).before + source_of(image).after, "") << image;
  }
}

TEST(TagSource, TellsTheTextAroundTheVariable) {
  const tag_source source = source_of("shop/web:v${VERSION:-1}-slim");
  EXPECT_EQ(source.form, tag_form::variable);
  EXPECT_EQ(source.variable, "VERSION");
  EXPECT_EQ(source.before, "v");
  EXPECT_EQ(source.after, "-slim");
}

TEST(TagSource, IsElsewhereWhenNoOneVariableDecidesTheTag) {
  for (const char* image : {"${IMAGE}", "${REPOSITORY}/web", "shop/web:${A}-${B}", "shop/web@${DIGEST}",
                            "shop/web:${TAG}@sha256:0123", "shop/web:${TAG:+fixed}"})
    EXPECT_EQ(source_of(image).form, tag_form::elsewhere) << image;
  EXPECT_THAT(source_of("${A:-${B}}/x:${C}-${A}").variables, ElementsAre("A", "B", "C"));
}

TEST(TagSource, TakesEscapedDollarsLiterally) { EXPECT_EQ(source_of("shop/web:$$TAG").literal, "$TAG"); }

TEST(TagSource, KnowsTheVariablesOrigin) {
  project p = project_with({{"web", "shop/web:${TAG:-v1}"}});
  EXPECT_EQ(find_tag_source(p, p.services.at("web")).origin.source, variable_source::unset);
  set(p, "TAG", variable_source::env_file, "/srv/shop/.env");
  const tag_source source = find_tag_source(p, p.services.at("web"));
  EXPECT_EQ(source.origin.source, variable_source::env_file);
  EXPECT_EQ(source.origin.where.file, "/srv/shop/.env");
}

TEST(ShortTag, CutsTheDigestOnly) {
  EXPECT_EQ(short_tag("v2@sha256:0123456789abcdef"), "v2@sha256:0123456789ab");
  EXPECT_EQ(short_tag("a-tag-that-is-longer-than-a-digest"), "a-tag-that-is-longer-than-a-digest");
}

TEST(VariableValue, LeavesOutWhatTheImageAddsItself) {
  EXPECT_EQ(variable_value(source_of("web:${V}"), "v2.0"), "v2.0");
  EXPECT_EQ(variable_value(source_of("web:v${V}"), "v2.0"), "2.0");
  EXPECT_EQ(variable_value(source_of("web:v${V}"), "2.0"), "2.0");
  EXPECT_EQ(variable_value(source_of("web:${V}-slim"), "2.0-slim"), "2.0");
  EXPECT_EQ(variable_value(source_of("web:${V}-slim"), "2.0"), "2.0");
}

std::string origin_of(const project& p) {
  const tag_origin origin = origin_of_tag(p, p.services.at("web"));
  return origin.source + " | " + origin.tag + " | " + origin.text + " | " + to_text(origin.where);
}

project with_web(const std::string& written, const std::string& image) {
  project p = project_with({{"web", written}});
  p.services.at("web").image = image;
  return p;
}

TEST(TagOrigin, NamesTheLineOfWhatIsWrittenOut) {
  const std::string line = " | /srv/shop/compose.yaml:4:12";
  EXPECT_EQ(origin_of(with_web("r:5000/web:v1", "r:5000/web:v1")), "literal | v1 | written in compose.yaml:4" + line);
  EXPECT_EQ(origin_of(with_web("r:5000/web", "r:5000/web")),
            "untagged |  | no tag, written in compose.yaml:4: latest" + line);
  EXPECT_EQ(origin_of(with_web("web@sha256:01", "web@sha256:01")),
            "digest | @sha256:01 | a digest, written in compose.yaml:4" + line);
  EXPECT_EQ(origin_of(with_web("web:v1@sha256:01", "web:v1@sha256:01")),
            "digest | v1@sha256:01 | a digest, written in compose.yaml:4" + line);
}

TEST(TagOrigin, NamesTheVariableAndWhoSetsIt) {
  project p = with_web("web:${TAG:-v1}", "web:v1");
  const std::string line = " | /srv/shop/compose.yaml:4:12";
  EXPECT_EQ(origin_of(p), "unset | v1 | TAG, which is not set (compose.yaml:4)" + line);
  set(p, "TAG", variable_source::default_in_template);
  EXPECT_EQ(origin_of(p), "default | v1 | TAG, its default in compose.yaml:4" + line);
  set(p, "TAG", variable_source::process_environment);
  EXPECT_EQ(origin_of(p), "shell | v1 | TAG in the environment (shell)" + line);
  set(p, "TAG", variable_source::override_value);
  EXPECT_EQ(origin_of(p), "option | v1 | TAG by --tag, for this run" + line);
  set(p, "TAG", variable_source::env_file, "/srv/shop/.env");
  EXPECT_EQ(origin_of(p), "env_file | v1 | TAG in .env:2 | /srv/shop/.env:2:1");
  p.explicit_env_files = true;
  set(p, "TAG", variable_source::env_file, "/etc/shop/prod.env");
  EXPECT_EQ(origin_of(p), "env_file | v1 | TAG in /etc/shop/prod.env:2 (--env-file) | /etc/shop/prod.env:2:1");
}

TEST(TagOrigin, NamesEachOfSeveralVariables) {
  project p = with_web("${REPOSITORY}:${A}.${B:-2}", "web:1.2");
  set(p, "A", variable_source::env_file, "/srv/shop/.env");
  set(p, "B", variable_source::default_in_template);
  EXPECT_EQ(origin_of(p),
            "several | 1.2 | A in .env:2; B, its default in compose.yaml:4 | /srv/shop/compose.yaml:4:12");
}

TEST(TagOrigin, IsThatOfABuiltImage) {
  EXPECT_EQ(origin_of(with_web("", "shop-web")), "built |  | built, not pulled | /srv/shop/compose.yaml:4:12");
}

TEST(TagOrigin, IsTheContainersWithoutComposeFiles) {
  project p = with_web("web:v1", "web:v1");
  p.services.at("web").image_place = {};
  p.services.at("web").found[1];
  EXPECT_EQ(origin_of(p), "container | v1 | as its container shows, no compose file | ");
  p.services.at("web").image = "sha256:0123";
  p.services.at("web").image_template = "";
  EXPECT_EQ(origin_of(p), "container |  | as its container shows, no compose file | ") << "an image's id has no tag";
}

TEST(ServicesWith, AreThoseInWhoseImageTheVariableStands) {
  const project p = project_with({{"web", "shop/web:${VERSION}"},
                                  {"job", "${REGISTRY:-r.test/$VERSION}/job:1"},
                                  {"db", "postgres:${PG_VERSION:-16}"},
                                  {"old", "shop/VERSION:1"}});
  EXPECT_THAT(services_with(p, "VERSION"), ElementsAre("job", "web"));
}

// --- the variable that --tag sets ---

std::string refusal(const project& p, const std::optional<std::string>& wanted = std::nullopt) {
  try {
    choose_tag_variable(p, wanted);
  } catch (const pin_error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ChooseTagVariable, TakesTheOnlyOneForAllItsServices) {
  project p = project_with({{"web", "shop/web:${TAG:-v1}"}, {"migrate", "shop/migrate:$TAG"}, {"db", "postgres:16"}});
  const tag_variable chosen = choose_tag_variable(p);
  EXPECT_EQ(chosen.name, "TAG");
  EXPECT_THAT(chosen.services, ElementsAre("migrate", "web"));
}

TEST(ChooseTagVariable, NamesTheFileWhereItStands) {
  project p = project_with({{"web", "shop/web:${TAG}"}});
  p.env_files = {"/srv/shop/a.env", "/srv/shop/b.env"};
  p.explicit_env_files = true;
  set(p, "TAG", variable_source::env_file, "/srv/shop/a.env");
  EXPECT_EQ(choose_tag_variable(p).file, "/srv/shop/a.env");
}

TEST(ChooseTagVariable, NamesTheFileToAddItTo) {
  project p = project_with({{"web", "shop/web:${TAG:-v1}"}});
  set(p, "TAG", variable_source::default_in_template);
  EXPECT_EQ(choose_tag_variable(p).file, "/srv/shop/.env");
  p.env_files = {"/srv/shop/a.env", "/srv/shop/b.env"};
  p.explicit_env_files = true;
  EXPECT_EQ(choose_tag_variable(p).file, "/srv/shop/b.env");
}

TEST(ChooseTagVariable, AsksWhichOfSeveral) {
  const project p = project_with({{"web", "shop/web:${WEB_TAG}"}, {"db", "shop/db:${DB_TAG}"}});
  EXPECT_EQ(refusal(p),
            "the tags of the images come from several variables: DB_TAG (db), WEB_TAG (web)\n"
            "Say which one: --tag-variable DB_TAG");
  EXPECT_EQ(choose_tag_variable(p, "WEB_TAG").name, "WEB_TAG");
}

TEST(ChooseTagVariable, RefusesAVariableOfNoTag) {
  const project p = project_with({{"web", "${REGISTRY}/web:${TAG}"}});
  EXPECT_EQ(refusal(p, "REGISTRY"), "REGISTRY is not the tag of any image; these variables are: TAG (web)");
}

TEST(ChooseTagVariable, SaysWhatToWriteWhenThereIsNone) {
  EXPECT_EQ(
      refusal(project_with({{"web", "shop/web:v1"}, {"built", ""}})),
      "no image takes its tag from one variable, so there is no line to write it to, and the next `docker compose "
      "up` would bring the old image back\n"
      "  web: image: shop/web:v1 (/srv/shop/compose.yaml:4:12)\n"
      "Either write there, with a name of your choice:\n"
      "  image: shop/web:${WEB_TAG:-v1} (/srv/shop/compose.yaml:4:12)\n"
      "or keep the image in compose's override file: --pin override\n"
      "or write nothing, until the next `docker compose up`: --image SERVICE=IMAGE --pin none");
}

TEST(ChooseTagVariable, WritesNoVariableWhereMoreThanATagWouldGo) {
  for (const char* image : {"${IMAGE}", "shop/web@sha256:01", "shop/web:${A}.${B}"})
    EXPECT_THAT(refusal(project_with({{"web", image}})), Not(HasSubstr("Either write there"))) << image;
  EXPECT_THAT(refusal(project_with({{"my-web", "host:5000/web"}})),
              HasSubstr("image: host:5000/web:${MY_WEB_TAG:-latest}"));
}

TEST(ChooseTagVariable, RefusesWhatTheEnvironmentSets) {
  project p = project_with({{"web", "shop/web:${TAG}"}});
  set(p, "TAG", variable_source::process_environment);
  EXPECT_THAT(refusal(p), HasSubstr("Type `unset TAG`"));
}

TEST(PinRemoval, TakesOutTheLastLineAlone) {
  EXPECT_EQ(without_env_value("A=1\nTAG=v2\nB=2\n", "TAG"), "A=1\nB=2\n");
  EXPECT_EQ(without_env_value("A=1\r\nexport TAG='v2'  # mine\r\n", "TAG"), "A=1\r\n");
  EXPECT_EQ(without_env_value("TAG=v2", "TAG"), "");
  EXPECT_EQ(without_env_value("\xEF\xBB\xBFTAG=v2\nA=1\n", "TAG"),
            "\xEF\xBB\xBF"
            "A=1\n");
  EXPECT_EQ(without_env_value("TAG=v1\nTAG=v2\n", "TAG"), "TAG=v1\n");
  EXPECT_EQ(without_env_value("A=1\n", "TAG"), "A=1\n");
  EXPECT_EQ(without_env_value(rewrite_env_value("A=1\n", "TAG", "v2"), "TAG"), "A=1\n");
}

TEST(PinRemoval, LeavesALineInWhichMoreIsSet) {
  EXPECT_THROW(without_env_value("A='1' TAG=v2\n", "TAG"), pin_error);
  EXPECT_THROW(without_env_value("<<<<<<< HEAD\n", "TAG"), pin_error);
}

}  // namespace
}  // namespace orchestration
