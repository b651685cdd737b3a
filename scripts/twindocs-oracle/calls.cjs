// Prints every call between two places of a folder of TypeScript or JavaScript, as the TypeScript compiler resolves them: a line of
// JSON each. What its checker cannot resolve (a value of type `any`) is left out.
//
//   node calls.cjs FOLDER-OF-THE-PACKAGE-typescript FOLDER
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const ts = require(process.argv[2]);
const root = fs.realpathSync(process.argv[3]);
const SOURCE = /\.(?:[cm]?[jt]s|[jt]sx)$/;

function sources(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((one) => {
    const full = path.join(folder, one.name);
    if (one.isDirectory()) return one.name === "node_modules" ? [] : sources(full);
    return SOURCE.test(one.name) && !/\.d\.[cm]?ts$/.test(one.name) ? [full] : [];
  });
}

const program = ts.createProgram(sources(root), {
  allowJs: true, checkJs: true, noEmit: true, target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.Preserve, strict: true,
  moduleResolution: ts.ModuleResolutionKind.Bundler, allowImportingTsExtensions: true, maxNodeModuleJsDepth: 0, jsx: ts.JsxEmit.Preserve,
});
const checker = program.getTypeChecker();
const place = (node) => ({ file: path.relative(root, node.getSourceFile().fileName).split(path.sep).join("/"), line: node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1 });

/** The name under which a declaration is known, and the node that carries it. */
function named(declaration) {
  if (ts.isConstructorDeclaration(declaration) || ts.isConstructSignatureDeclaration(declaration)) return { name: declaration.parent.name?.text, node: declaration, isConstructor: true };
  if (declaration.name) return { name: declaration.name.getText().replace(/^["']|["']$/g, ""), node: declaration.name };
  let up = declaration.parent;
  while (ts.isParenthesizedExpression(up) || ts.isAsExpression(up) || ts.isSatisfiesExpression?.(up)) up = up.parent;
  if ((ts.isVariableDeclaration(up) || ts.isPropertyAssignment(up) || ts.isPropertyDeclaration(up)) && up.name) return { name: up.name.getText(), node: up.name };
  if (ts.isBinaryExpression(up) && ts.isPropertyAccessExpression(up.left)) return { name: up.left.name.text, node: up.left };
  return {};
}

/** Of a function with overloads the one that has a body. */
function whole(declaration) {
  if (declaration.body || !declaration.symbol) return declaration;
  return declaration.symbol.declarations?.find((one) => one.body) ?? declaration;
}

function tell(node, at, kind) {
  const signature = checker.getResolvedSignature(node);
  let declaration = signature?.declaration && whole(signature.declaration);
  let target = declaration && named(declaration);
  if (declaration && ts.isConstructorDeclaration(declaration)) {
    target = { name: "constructor", node: declaration };
  } else if (ts.isNewExpression(node)) {
    // Where no class on the way up has a constructor of its own, the class itself is what is called.
    let symbol = checker.getSymbolAtLocation(node.expression);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
    const made = symbol?.declarations?.find(ts.isClassLike);
    if (made) target = { name: made.name?.text, node: made.name ?? made };
  }
  if (!target?.name) return;
  const [from, to] = [place(at), place(target.node)];
  if (to.file.startsWith("..") || to.file.includes("node_modules/")) return;
  console.log(JSON.stringify({ file: from.file, line: from.line, kind, name: target.name, to: to.file, at: to.line }));
}

function visit(node) {
  if (ts.isCallExpression(node)) {
    const callee = node.expression;
    if (callee.kind === ts.SyntaxKind.SuperKeyword) tell(node, node, "constructor, super");
    else if (ts.isPropertyAccessExpression(callee)) tell(node, callee.name, "member");
    else if (ts.isIdentifier(callee)) tell(node, callee, "function");
  } else if (ts.isNewExpression(node)) {
    tell(node, node, "constructor");
  }
  ts.forEachChild(node, visit);
}

for (const file of program.getSourceFiles()) {
  if (!path.relative(root, file.fileName).startsWith("..") && !file.isDeclarationFile && !file.fileName.includes("/node_modules/", root.length)) visit(file);
}
