/**
 * Reads a rule: matchers joined by `&&`, `||`, `!` and parentheses. `!` binds closer than `&&`, and `&&` closer than
 * `||`. Only the form is checked here; names and values are checked where the rule is compiled.
 */
import { nextToken, type Token } from "./lexer.ts";
import { RuleError } from "./rule_error.ts";

export interface Argument {
  readonly value: string;
  readonly offset: number;
}

export interface MatcherCall {
  readonly kind: "matcher";
  readonly name: string;
  readonly offset: number;
  readonly values: readonly Argument[];
}

export type Expression =
  | MatcherCall
  | { readonly kind: "not"; readonly operand: Expression }
  /** Two or more operands; an operand never has the same kind (`a && (b && c)` is one list of three). */
  | { readonly kind: "and" | "or"; readonly operands: readonly Expression[] };

/** Longest rule in characters. */
export const RULE_LENGTH_LIMIT = 16_384;
/** Deepest nesting of parentheses and `!`. */
export const RULE_DEPTH_LIMIT = 64;

const A_MATCHER = "a matcher such as Host(`example.com`)";

/** Reads `text`. Throws RuleError with the place of the first mistake, also for an empty rule. */
export function parseRule(text: string): Expression {
  if (text.length > RULE_LENGTH_LIMIT)
    throw new RuleError(
      text,
      RULE_LENGTH_LIMIT,
      `a rule of ${text.length} characters`,
      `at most ${RULE_LENGTH_LIMIT}`,
    );
  const parser = new Parser(text);
  const expression = parser.parseOr();
  if (parser.token.kind !== "end") throw parser.unexpected("`&&`, `||` or the end of the rule");
  return expression;
}

class Parser {
  readonly text: string;
  token: Token;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
    this.token = nextToken(text, 0);
  }

  parseOr(): Expression {
    const operands = [this.parseAnd()];
    while (this.accept("||")) operands.push(this.parseAnd());
    return join("or", operands);
  }

  private parseAnd(): Expression {
    const operands = [this.parseUnary()];
    while (this.accept("&&")) operands.push(this.parseUnary());
    return join("and", operands);
  }

  private parseUnary(): Expression {
    if (this.token.kind === "name") return this.parseMatcher();
    if (++this.depth > RULE_DEPTH_LIMIT)
      throw new RuleError(
        this.text,
        this.token.offset,
        "nesting too deep",
        `at most ${RULE_DEPTH_LIMIT} levels`,
      );
    const expression = this.parseNested();
    this.depth--;
    return expression;
  }

  private parseNested(): Expression {
    if (this.accept("!")) return { kind: "not", operand: this.parseUnary() };
    if (!this.accept("(")) throw this.unexpected(A_MATCHER);
    const expression = this.parseOr();
    this.expect(")", "`&&`, `||` or a closing parenthesis");
    return expression;
  }

  private parseMatcher(): Expression {
    const { text: name, offset } = this.token;
    this.advance();
    this.expect("(", "an opening parenthesis after the name of a matcher");
    const values: Argument[] = [];
    if (this.token.kind !== ")") {
      do values.push(this.parseValue());
      while (this.accept(","));
    }
    this.expect(")", "a comma or a closing parenthesis");
    return { kind: "matcher", name, offset, values };
  }

  private parseValue(): Argument {
    const { kind, text: value, offset } = this.token;
    if (kind !== "string") throw this.unexpected("a value in backticks or double quotes");
    this.advance();
    return { value, offset };
  }

  private accept(kind: Token["kind"]): boolean {
    if (this.token.kind !== kind) return false;
    this.advance();
    return true;
  }

  private expect(kind: Token["kind"], expected: string): void {
    if (!this.accept(kind)) throw this.unexpected(expected);
  }

  private advance(): void {
    this.token = nextToken(this.text, this.token.end);
  }

  unexpected(expected: string): RuleError {
    const { kind, text, offset } = this.token;
    const what =
      kind === "end" ? "the rule ends" : kind === "string" ? "unexpected value" : `unexpected \`${text}\``;
    return new RuleError(this.text, offset, what, expected);
  }
}

function join(kind: "and" | "or", operands: readonly Expression[]): Expression {
  if (operands.length === 1) return operands[0]!;
  return { kind, operands: operands.flatMap((each) => (each.kind === kind ? each.operands : [each])) };
}
