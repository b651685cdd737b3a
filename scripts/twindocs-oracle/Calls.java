import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MemberReferenceTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import com.sun.source.util.Trees;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.Modifier;
import javax.tools.ToolProvider;

/**
 * Prints every call between two places of a folder of Java sources, as javac resolves them: a line of JSON each. What is not on
 * the class path stays unresolved and is left out.
 *
 * <p>java Calls.java FOLDER [javac's options…]
 */
final class Calls {
    private Calls() {}

    public static void main(String[] args) throws Exception {
        var root = Path.of(args[0]).toRealPath();
        var options = List.of(args).subList(1, args.length);
        var compiler = ToolProvider.getSystemJavaCompiler();
        var manager = compiler.getStandardFileManager(null, null, null);
        List<Path> sources;
        try (var walk = Files.walk(root)) {
            sources = walk.filter(it -> it.toString().endsWith(".java")).sorted().toList();
        }
        var task = (JavacTask) compiler.getTask(null, manager, it -> {}, options, null, manager.getJavaFileObjectsFromPaths(sources));
        var units = task.parse();
        task.analyze();
        var trees = Trees.instance(task);
        try (var out = new PrintWriter(System.out)) {
            for (var unit : units) {
                new Scanner(root, trees, unit, out).scan(unit, null);
            }
        }
    }

    private static final class Scanner extends TreePathScanner<Void, Void> {
        private final Path root;
        private final Trees trees;
        private final CompilationUnitTree unit;
        private final PrintWriter out;

        Scanner(Path root, Trees trees, CompilationUnitTree unit, PrintWriter out) {
            this.root = root;
            this.trees = trees;
            this.unit = unit;
            this.out = out;
        }

        @Override
        public Void visitMethodInvocation(MethodInvocationTree node, Void nothing) {
            var text = node.getMethodSelect().toString();
            var kind = text.equals("super") || text.equals("this") ? "constructor, explicit" : "method";
            tell(node, trees.getElement(getCurrentPath()), kind);
            return super.visitMethodInvocation(node, nothing);
        }

        @Override
        public Void visitNewClass(NewClassTree node, Void nothing) {
            var made = node.getClassBody() == null ? trees.getElement(getCurrentPath()) : null;
            tell(node, made, "constructor");
            return super.visitNewClass(node, nothing);
        }

        @Override
        public Void visitMemberReference(MemberReferenceTree node, Void nothing) {
            tell(node, trees.getElement(getCurrentPath()), "method reference");
            return super.visitMemberReference(node, nothing);
        }

        private void tell(Tree node, Element callee, String kind) {
            // What javac makes up by itself (a call of super() that nobody wrote) has no place of its own.
            var start = trees.getSourcePositions().getStartPosition(unit, node);
            var end = trees.getSourcePositions().getEndPosition(unit, node);
            if (!(callee instanceof ExecutableElement target) || start < 0 || end <= start) {
                return;
            }
            TreePath path = trees.getPath(target);
            if (path == null) {
                return;
            }
            var there = path.getCompilationUnit();
            var at = trees.getSourcePositions().getStartPosition(there, path.getLeaf());
            var end_at = trees.getSourcePositions().getEndPosition(there, path.getLeaf());
            var name = target.getSimpleName().toString();
            if (name.equals("<init>")) {
                name = target.getEnclosingElement().getSimpleName().toString();
                if (end_at <= at) {
                    // A constructor that nobody wrote is the class.
                    at = trees.getSourcePositions().getStartPosition(there, trees.getPath(target.getEnclosingElement()).getLeaf());
                }
            } else if (target.getModifiers().contains(Modifier.STATIC) && kind.equals("method")) {
                kind = "static method";
            } else if (target.getEnclosingElement().getKind() == ElementKind.INTERFACE && kind.equals("method")) {
                kind = "interface method";
            }
            out.printf("{\"file\":\"%s\",\"line\":%d,\"kind\":\"%s\",\"name\":\"%s\",\"to\":\"%s\",\"at\":%d}%n",
                file(unit), unit.getLineMap().getLineNumber(start(node, start)), kind, name, file(there), there.getLineMap().getLineNumber(at));
        }

        /** A chain of calls begins where its first does: the name that is called is where this one is. */
        private long start(Tree node, long start) {
            if (node instanceof MethodInvocationTree made) {
                var select = trees.getSourcePositions().getEndPosition(unit, made.getMethodSelect());
                return select > 0 ? select - 1 : start;
            }
            return start;
        }

        private String file(CompilationUnitTree one) {
            return root.relativize(Path.of(one.getSourceFile().toUri())).toString().replace('\\', '/');
        }
    }
}
